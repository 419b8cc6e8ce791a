"""The paths of the service: what each is called in metrics and which methods it has."""

from __future__ import annotations

import re

__all__ = ["ALLOWED", "OTHER", "PAGES", "is_call", "is_form", "is_protocol", "normal", "route_of"]

DISCOVERY = "/cds-services"
SERVICE = "/cds-services/{id}"
FEEDBACK = "/cds-services/{id}/feedback"
CONSOLE = ("/", "/docs", "/statistics", "/statistics.json")
PAGES = ("/healthz", "/readyz", "/version", "/metrics", "/basis", "/openapi.json", *CONSOLE)
SIGN_IN = ("/sign-in", "/sign-in/start", "/sign-in/return", "/signed-in", "/signed-out", "/account")
ACCOUNT_FORMS = ("/sign-out", "/account/end-others", "/account/emergency", "/account/emergency/end")
OPEN = "/open/{token}"
ASSET = "/assets/{name}"
CONSULTATION = "/consultations/{link}"
CONTENT = "/consultations/{link}/content"
EVENTS = "/consultations/{link}/events"
JUDGEMENTS = "/consultations/{link}/feedback"
INSPECTOR = "/inspector"
FIRE = "/inspector/fire"
COMPARE = "/inspector/compare"
FIRED = "/inspector/{fired}"
FIRED_PARTS = {part: f"{FIRED}/{part}" for part in ("content", "events", "request")}
FIRED_ITEMS = {part: f"{FIRED}/{part}/{{id}}" for part in ("facts", "resources")}
OTHER = "other"

ALLOWED = dict.fromkeys(
    (DISCOVERY, CONSULTATION, CONTENT, EVENTS, ASSET, OPEN, *PAGES, *SIGN_IN), "GET, HEAD, OPTIONS"
) | dict.fromkeys((SERVICE, FEEDBACK, JUDGEMENTS, *ACCOUNT_FORMS), "POST, OPTIONS")
ALLOWED |= {FIRE: "POST, OPTIONS"} | dict.fromkeys(
    (INSPECTOR, COMPARE, FIRED, *FIRED_PARTS.values(), *FIRED_ITEMS.values()), "GET, HEAD, OPTIONS"
)

_CONSULTATION_PARTS = {"content": CONTENT, "events": EVENTS, "feedback": JUDGEMENTS}
_SLASHES = re.compile(r"/{2,}")


def normal(path: str) -> str:
    """A path with its slashes corrected: clients join URLs carelessly (`//id`, `cds-services/`)."""
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def route_of(path: str) -> str:
    """The route of a normal path, `other` for what is none of ours."""
    if path in ALLOWED and "{" not in path:
        return path
    match path.split("/")[1:]:
        case ["cds-services", _]:
            return SERVICE
        case ["cds-services", _, "feedback"]:
            return FEEDBACK
        case ["assets", _]:
            return ASSET
        case ["open", _]:
            return OPEN
        case ["inspector", *parts]:
            return _fired_route(parts)
        case ["consultations", _]:
            return CONSULTATION
        case ["consultations", _, part]:
            return _CONSULTATION_PARTS.get(part, OTHER)
    return OTHER


def _fired_route(parts: list[str]) -> str:
    """The route below `/inspector`."""
    match parts:
        case [_]:
            return FIRED
        case [_, part]:
            return FIRED_PARTS.get(part, OTHER)
        case [_, part, _]:
            return FIRED_ITEMS.get(part, OTHER)
    return OTHER


def is_protocol(path: str) -> bool:
    """Whether a normal path belongs to CDS Hooks, and not to those who run the service."""
    return route_of(path) in (DISCOVERY, SERVICE, FEEDBACK)


def is_call(method: str, path: str) -> bool:
    """Whether a request brings a body that costs work."""
    return method == "POST" and route_of(path) in (SERVICE, FEEDBACK, JUDGEMENTS)


def is_form(path: str) -> bool:
    """Whether the body of a normal path is that of a page's form, not JSON."""
    return route_of(path) == JUDGEMENTS
