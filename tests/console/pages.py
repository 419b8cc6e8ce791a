"""Every page of the console: its routes, how to come to it, and what it may do that others may not.

Whoever adds a route that gives HTML adds it here; `test_every_page` fails until it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.console.whole_service import WholeService

__all__ = ["NOT_PAGES", "PAGES", "Page"]

KB = 1024


@dataclass(frozen=True)
class Page:
    """One page in one state. `address` brings the service into it and gives the path to open; where
    that needs a patient it takes `service.somebody()`, whose chart may hold hostile strings.

    `shown` is a selector of what is there once the page is whole; `weight` the most bytes of all
    that it loads, uncompressed; `excused` names rules of axe with the reason why they do not hold;
    `signed_in` opens it with a session of every role; `third_party` is a selector of what a library
    draws.
    """

    name: str
    routes: tuple[str, ...]
    address: Callable[[WholeService], str]
    shown: str = "h1"
    weight: int = 200 * KB
    status: int = 200
    signed_in: bool = False
    excused: Mapping[str, str] = field(default_factory=dict)
    third_party: str = ""


def _at(path: str) -> Callable[[WholeService], str]:
    return lambda _: path


def _answered(service: WholeService) -> str:
    return service.consultation(service.somebody())


def _pending(service: WholeService) -> str:
    return service.pending_consultation(service.somebody())


def _inspected(part: str = "") -> Callable[[WholeService], str]:
    return lambda service: service.inspect(service.somebody()) + part


def _firing(service: WholeService) -> str:
    return service.inspect(service.somebody(), ended=False)


def _compared(service: WholeService) -> str:
    one, other = (service.inspect(service.somebody()).rpartition("/")[2] for _ in range(2))
    return f"/inspector/compare?one={one}&other={other}"


_FIRED = ("/inspector/{fired}", "/inspector/{fired}/content")
_CONSULTATION = ("/consultations/{link}", "/consultations/{link}/content")

PAGES = (
    Page("overview", ("/",), _at("/")),
    Page(
        "api",
        ("/docs",),
        _at("/docs"),
        shown=".opblock",
        weight=2_100 * KB,  # Swagger UI alone has 1.9 MB; for integrators in the demo profile
        third_party="#api",
    ),
    Page("sign-in", ("/sign-in",), _at("/sign-in")),
    Page("link-used", ("/open/{token}",), _at("/open/x"), status=403),
    Page("signed-in", ("/signed-in",), _at("/signed-in"), signed_in=True),
    Page("signed-out", ("/signed-out",), _at("/signed-out")),
    Page("nobody", ("/account",), _at("/account"), status=401),
    Page("account", ("/account",), _at("/account"), signed_in=True),
    Page("basis", ("/basis",), _at("/basis")),
    Page("statistics", ("/statistics",), _at("/statistics"), signed_in=True),
    Page("consultation", _CONSULTATION, _answered),
    Page("inspector", ("/inspector",), _at("/inspector"), signed_in=True),
    Page("fired", _FIRED, _inspected(), signed_in=True),
    Page("fired-pending", _FIRED, _firing, signed_in=True, shown="#waiting"),
    Page("fact", ("/inspector/{fired}/facts/{id}",), _inspected("/facts/P1"), signed_in=True),
    Page(
        "resource",
        ("/inspector/{fired}/resources/{id}",),
        _inspected("/resources/0"),
        signed_in=True,
    ),
    Page("compared", ("/inspector/compare",), _compared, signed_in=True),
    Page(
        "expired",
        ("/inspector/{fired}",),
        _at("/inspector/nothing"),
        status=410,
        signed_in=True,
    ),
    Page("unknown-link", ("/consultations/{link}",), _at("/consultations/nothing.1.x"), status=404),
    Page("unknown-page", ("other",), _at("/no-such-page"), status=404),
    Page("pending-consultation", _CONSULTATION, _pending, shown="#waiting"),
)

NOT_PAGES = {
    "/cds-services": "JSON",
    "/sign-in/start": "a redirect to the identity provider, where there is one",
    "/sign-in/return": "a redirect from there",
    "/healthz": "JSON",
    "/readyz": "JSON",
    "/version": "JSON",
    "/metrics": "text for Prometheus",
    "/openapi.json": "JSON",
    "/statistics.json": "JSON",
    "/assets/{name}": "style, scripts and pictures",
    "/consultations/{link}/events": "server-sent events",
    "/smart/launch": "a redirect to the EHR, where one starts this service as an app",
    "/smart/callback": "a redirect from there",
    "/smart/{handle}/consultation": "the page of a consultation: tests/console/smart_launch",
    "/smart/{handle}/consultation/content": "its changing part",
    "/smart/{handle}/consultation/events": "server-sent events",
    "/inspector/{fired}/events": "server-sent events",
    "/inspector/{fired}/request": "JSON",
}
"""Routes that a browser may GET and that give no HTML, with what they give."""
