"""The command `chartside`, one module a command."""
