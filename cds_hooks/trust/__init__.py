"""Who may call, and where this process may connect."""
