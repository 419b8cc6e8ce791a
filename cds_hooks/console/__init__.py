"""Web pages that the service itself serves: made on the server, every asset from here."""

from typing import TYPE_CHECKING

from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.console.access import Access
    from cds_hooks.console.basis import BasisContent, basis_page
    from cds_hooks.console.consultations import LinkedPages
    from cds_hooks.console.error_pages import error_page_of
    from cds_hooks.console.router import make_router
    from cds_hooks.console.site import Site
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Access": "access",
            "BasisContent": "basis",
            "LinkedPages": "consultations",
            "Site": "site",
            "basis_page": "basis",
            "error_page_of": "error_pages",
            "make_router": "router",
        },
    )

__all__ = [
    "Access",
    "BasisContent",
    "LinkedPages",
    "Site",
    "basis_page",
    "error_page_of",
    "make_router",
]
