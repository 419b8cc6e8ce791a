"""Model files before they are loaded: GGUF headers, adapters, chat templates, their inspection."""
