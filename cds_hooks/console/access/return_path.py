"""Where a person goes after signing in: a page of this service, and nowhere else."""

from __future__ import annotations

import re

from cds_hooks.app.routes import OTHER, normal, route_of

__all__ = ["return_path"]

# One slash and then no other slash or backslash: browsers read `//host` and `/\host` as addresses.
_LOCAL = re.compile(r"/(?:[A-Za-z0-9._~%-][A-Za-z0-9._~/%-]*)?(?:\?[A-Za-z0-9._~/%&=+-]*)?")
_LONGEST = 512


def return_path(text: str) -> str:
    """The path with its query, if it is one of this service's; else the overview."""
    if len(text) > _LONGEST or not _LOCAL.fullmatch(text):
        return "/"
    path = text.partition("?")[0]
    return text if normal(path) == path and route_of(path) != OTHER else "/"
