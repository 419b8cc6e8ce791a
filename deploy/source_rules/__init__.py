"""The rules for names, words and sizes that `deploy/check_source.py` applies."""
