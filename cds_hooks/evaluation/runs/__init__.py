"""Asking every case of a suite, keeping what was said, and going on where a run broke off."""
