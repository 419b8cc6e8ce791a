"""The inspector: choose a service and a chart, fire the hook for real, and walk through it.

What it fires goes through the service's own pipeline and onto its record. What the pages show of
it is kept in memory for the browser that fired it, and for a while.
"""

from typing import TYPE_CHECKING

from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.console.inspector.inspector import Inspector
    from cds_hooks.console.inspector.router import add_routes
else:
    __getattr__ = lazy_names(__name__, {"Inspector": "inspector", "add_routes": "router"})

__all__ = ["Inspector", "add_routes"]
