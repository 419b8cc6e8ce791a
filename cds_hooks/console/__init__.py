"""Web pages that the service itself serves: made on the server, every asset from here."""

from __future__ import annotations

from cds_hooks.console.access import Access
from cds_hooks.console.basis import BasisContent, basis_page
from cds_hooks.console.consultations import LinkedPages
from cds_hooks.console.error_pages import error_page_of
from cds_hooks.console.router import make_router
from cds_hooks.console.site import Site

__all__ = [
    "Access",
    "BasisContent",
    "LinkedPages",
    "Site",
    "basis_page",
    "error_page_of",
    "make_router",
]
