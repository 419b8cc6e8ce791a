"""Who may open which page.

A page names its roles: `Depends(requires(Role.INTEGRATOR))`, which gives the `Reader`. On methods
that change something the same dependency refuses a request that no page of this service sent; a
form puts `{{ csrf_field() }}` first, htmx gets the token from the page's frame.
"""

from __future__ import annotations

from cds_hooks.console.access.access import Access, requires
from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.access.links import LocalLinks, sign_link
from cds_hooks.console.access.recording import Recording
from cds_hooks.console.access.router import make_access_router
from cds_hooks.console.reader import Reader, Role

__all__ = [
    "Access",
    "ConsoleSettings",
    "LocalLinks",
    "Reader",
    "Recording",
    "Role",
    "make_access_router",
    "requires",
    "sign_link",
]
