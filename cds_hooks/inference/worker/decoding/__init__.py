"""From a prompt to samples, token by token."""
