"""The steps of `deploy/setup.py`. Standard library only: nothing is installed when they run."""
