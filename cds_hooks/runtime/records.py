"""The site key of a running service, or of a command that opens its store."""

from __future__ import annotations

from cds_hooks.audit import SiteKey
from cds_hooks.audit.key_sources import find_site_key
from cds_hooks.operation import get_logger
from cds_hooks.settings import Settings

__all__ = ["site_key"]


def site_key(settings: Settings, *, create: bool = False) -> SiteKey:
    """The key of this site; with `create` the demo profile makes one. Raises KeyRefused."""
    make = create and settings.profile == "demo"
    found = find_site_key(settings.store.site_key, create=make)
    if found.origin == "environment":
        get_logger().warning("site-key-in-environment")
    return found.key
