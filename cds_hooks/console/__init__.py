"""Web pages that the service itself serves: made on the server, every asset from here."""

from __future__ import annotations

from cds_hooks.console.router import make_router
from cds_hooks.console.site import Site

__all__ = ["Site", "make_router"]
