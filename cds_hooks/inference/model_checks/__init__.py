"""A model before it is used: what its file is, whether it fits, how fast it is here."""
