"""Figures as pages: one HTML file that needs nothing else, and Markdown of the same."""
