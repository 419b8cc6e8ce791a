"""Answers that models gave elsewhere, and what can be learnt from them without running any."""
