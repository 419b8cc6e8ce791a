"""One fine-tuning run on a processor: a LoRA adapter, checked token by token in the engine.

Needs the extra `tune` (torch, transformers, peft, gguf), which the service never imports.
"""
