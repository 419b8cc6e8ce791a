"""Whether an answer is for a person in front of a browser, and not for a client of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from cds_hooks.app.routes import is_protocol, normal
from cds_hooks.errors import ChartsideError

__all__ = ["ErrorPage", "wants_page"]

ErrorPage = Callable[[ChartsideError, str, str], Response]
"""From an error, the path that was asked for and the exchange's id to a page that says what to do.

The status is the caller's to set."""

_PAGES = ("text/html", "application/xhtml+xml")
_DATA = ("application/json", "application/fhir+json")


def wants_page(scope: Scope) -> bool:
    """Whether an exchange is with a browser that reads a page: not one of CDS Hooks, and HTML is
    named in its Accept headers before JSON (RFC 9110, section 12.5.1)."""
    if scope["type"] != "http" or is_protocol(normal(scope["path"])):
        return False
    weights = _weights(Headers(scope=scope).getlist("accept"))
    page = max((weights.get(each, 0.0) for each in _PAGES), default=0.0)
    return page > 0 and page >= max(weights.get(each, 0.0) for each in _DATA)


def _weights(values: Iterable[str]) -> dict[str, float]:
    """The weight of each media range; what cannot be read counts for nothing."""
    found: dict[str, float] = {}
    for part in ",".join(values)[:2000].lower().split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            found[kind] = float(given)
        except ValueError:
            found[kind] = 0.0
    return found
