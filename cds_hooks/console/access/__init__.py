"""Who may open which page.

A page names its roles: `Depends(requires(Role.INTEGRATOR))`, which gives the `Reader`. On methods
that change something the same dependency refuses a request that no page of this session sent: a
form puts `{{ csrf_field() }}` first, and htmx brings the token from the page's frame.
"""

from typing import TYPE_CHECKING

from cds_hooks.console.reader import Reader, Role
from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.console.access.access import Access, OpenId, requires
    from cds_hooks.console.access.access_settings import ConsoleSettings
    from cds_hooks.console.access.links import LocalLinks, sign_link
    from cds_hooks.console.access.recording import Recording
    from cds_hooks.console.access.router import add_routes
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Access": "access",
            "ConsoleSettings": "access_settings",
            "LocalLinks": "links",
            "OpenId": "access",
            "Recording": "recording",
            "add_routes": "router",
            "requires": "access",
            "sign_link": "links",
        },
    )

__all__ = [
    "Access",
    "ConsoleSettings",
    "LocalLinks",
    "OpenId",
    "Reader",
    "Recording",
    "Role",
    "add_routes",
    "requires",
    "sign_link",
]
