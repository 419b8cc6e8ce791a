"""How much memory a model takes, and how much this machine has."""
