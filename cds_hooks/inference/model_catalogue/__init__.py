"""The models that are known, as data, and which of them a file is."""
