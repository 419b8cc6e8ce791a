"""Reviews at the desk: a queue of consultations, what reviewers say of them, counts and exports."""

from typing import TYPE_CHECKING

from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.console.reviews.reviews import Reviews
    from cds_hooks.console.reviews.router import add_routes
else:
    __getattr__ = lazy_names(__name__, {"Reviews": "reviews", "add_routes": "router"})

__all__ = ["Reviews", "add_routes"]
