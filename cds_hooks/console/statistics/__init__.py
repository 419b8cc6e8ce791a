"""The page on how the service is doing, and the same figures as JSON."""

from cds_hooks.console.statistics.router import add_routes

__all__ = ["add_routes"]
