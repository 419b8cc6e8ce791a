"""Evaluated beginnings of prompts, kept in memory and on disk."""
