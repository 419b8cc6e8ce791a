"""The paths of the service: what each is called in metrics and which methods it has."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["ALLOWED", "OTHER", "PAGES", "is_call", "is_form", "is_protocol", "normal", "route_of"]

DISCOVERY = "/cds-services"
SERVICE = "/cds-services/{id}"
FEEDBACK = "/cds-services/{id}/feedback"
CONSOLE = ("/", "/docs", "/statistics", "/statistics.json")
PAGES = ("/healthz", "/readyz", "/version", "/metrics", "/basis", "/openapi.json", *CONSOLE)
SIGN_IN = ("/sign-in", "/sign-in/start", "/sign-in/return", "/signed-in", "/signed-out", "/account")
ACCOUNT_FORMS = ("/sign-out", "/account/end-others", "/account/emergency", "/account/emergency/end")
SWITCHING, SWITCH = "/services", "/services/switch"
OPEN = "/open/{token}"
ASSET = "/assets/{name}"
SMART = ("/smart/launch", "/smart/callback")
LAUNCHED = "/smart/{handle}/consultation"
LAUNCHED_PARTS = (f"{LAUNCHED}/content", f"{LAUNCHED}/events")
LAUNCHED_JUDGEMENTS, LAUNCHED_END = f"{LAUNCHED}/feedback", "/smart/{handle}/end"
CONSULTATION = "/consultations/{link}"
CONTENT = "/consultations/{link}/content"
EVENTS = "/consultations/{link}/events"
JUDGEMENTS = "/consultations/{link}/feedback"
INSPECTOR = "/inspector"
FIRE = "/inspector/fire"
COMPARE = "/inspector/compare"
FIRED = "/inspector/{fired}"
FIRED_PARTS = {part: f"{FIRED}/{part}" for part in ("content", "events", "request", "case")}
FIRED_ITEMS = {part: f"{FIRED}/{part}/{{id}}" for part in ("facts", "resources")}
DESK_CONSULTATION = "/desk/consultations/{reference}"
DESK = ("/desk", "/desk/verify", "/desk/verify/content", "/desk/questions", DESK_CONSULTATION)
DESK_FORMS = ("/desk/search", "/desk/found", "/desk/ledger")
REVIEWS = "/desk/reviews"
REVIEW_FORMS = tuple(
    f"{REVIEWS}/{each}" for each in ("queue", "take", "return", "answer", "another", "export")
)
OTHER = "other"

_READ = (DISCOVERY, CONSULTATION, CONTENT, EVENTS, ASSET, OPEN, LAUNCHED, *LAUNCHED_PARTS)
_INSPECTED = (INSPECTOR, COMPARE, FIRED, *FIRED_PARTS.values(), *FIRED_ITEMS.values())
_FORMS = (JUDGEMENTS, LAUNCHED_JUDGEMENTS)
_SENT = (
    *(SERVICE, FEEDBACK, *_FORMS, LAUNCHED_END, *ACCOUNT_FORMS, FIRE, *DESK_FORMS),
    *REVIEW_FORMS,
    SWITCH,
)
_SHOWN = (*_READ, *PAGES, *SIGN_IN, *SMART, *_INSPECTED, *DESK, SWITCHING, REVIEWS)
ALLOWED = {
    **dict.fromkeys(_SHOWN, "GET, HEAD, OPTIONS"),
    **dict.fromkeys(_SENT, "POST, OPTIONS"),
    "/desk/verify": "GET, HEAD, POST, OPTIONS",
}

_SLASHES = re.compile(r"/{2,}")
_SHAPES = tuple((route, tuple(route.split("/"))) for route in ALLOWED if "{" in route)


def normal(path: str) -> str:
    """A path with its slashes corrected: clients join URLs carelessly (`//id`, `cds-services/`)."""
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def route_of(path: str) -> str:
    """The route of a normal path, `other` for what is none of ours."""
    if path in ALLOWED and "{" not in path:
        return path
    parts = path.split("/")
    return next((route for route, shape in _SHAPES if _fits(parts, shape)), OTHER)


def _fits(parts: Sequence[str], shape: Sequence[str]) -> bool:
    """Whether a path has the parts of a route; one in braces is any."""
    same = len(parts) == len(shape)
    return same and all(w == p or w[:1] == "{" for p, w in zip(parts, shape, strict=True))


def is_protocol(path: str) -> bool:
    """Whether a normal path belongs to CDS Hooks, and not to those who run the service."""
    return route_of(path) in (DISCOVERY, SERVICE, FEEDBACK)


def is_call(method: str, path: str) -> bool:
    """Whether a request brings a body that costs work."""
    return method == "POST" and route_of(path) in (SERVICE, FEEDBACK, *_FORMS)


def is_form(path: str) -> bool:
    """Whether the body of a normal path is that of a page's form, not JSON."""
    return route_of(path) in _FORMS
