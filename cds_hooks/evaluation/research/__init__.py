"""A paper's figures made again, answers recorded elsewhere, and simulated patients.

For `chartside eval` alone: an import contract keeps the service from loading any of it.
"""
