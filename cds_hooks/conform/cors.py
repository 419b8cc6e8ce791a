"""Probes of cross-origin calls, as browser-based clients make them."""

from __future__ import annotations

from collections.abc import Iterable

from cds_hooks.conform.discovery import Offered
from cds_hooks.conform.exchange import Call, Exchange
from cds_hooks.conform.probe import ENDPOINTS, Judgement, Plan, Probe, Skip, Target
from cds_hooks.conform.shapes import Problem, brief

__all__ = ["cors"]

_FOREIGN = "https://conform.invalid"
_NEEDED = ("authorization", "content-type")


def cors(target: Target, services: Iterable[Offered]) -> Plan:
    """A foreign origin; and with `target.origin` the preflights that it sends before its calls."""
    call = target.get(ENDPOINTS, "a call from an origin that nobody registered", origin=_FOREIGN)
    yield Probe("", call, (Judgement(("cors-foreign-origin",), _foreign),))
    if not target.origin:
        skipped = ("cors-preflight", "cors-headers")
        yield Skip("", skipped, "no registered origin was given (--origin)")
        return
    paths = [ENDPOINTS, *(f"{ENDPOINTS}/{s.id}" for s in services)]
    for path in dict.fromkeys(paths):
        yield Probe("", _preflight(target, path), (_allows(target.origin),))
    call = target.get(ENDPOINTS, "discovery from the registered origin", origin=target.origin)
    yield Probe("", call, (Judgement(("cors-headers",), lambda e: _shared(e, target.origin)),))


def _preflight(target: Target, path: str) -> Call:
    method = "GET" if path == ENDPOINTS else "POST"
    headers = {
        "origin": target.origin,
        "access-control-request-method": method,
        "access-control-request-headers": ",".join(_NEEDED),
    }
    return Call("OPTIONS", path, f"a preflight of {method} {path}", headers)


def _allows(origin: str) -> Judgement:
    def judge(exchange: Exchange) -> Iterable[Problem]:
        about = exchange.call.about
        if not 200 <= exchange.status < 300:
            yield Problem("cors-preflight", exchange.came, about)
            return
        if exchange.header("access-control-allow-origin") not in (origin, "*"):
            yield Problem("cors-preflight", "the origin is not allowed", about)
        allowed = exchange.header("access-control-allow-headers").lower()
        # `*` does not cover authorization (Fetch standard, CORS-preflight fetch).
        missing = [
            n for n in _NEEDED if n not in allowed and (n == _NEEDED[0] or "*" not in allowed)
        ]
        if missing:
            yield Problem("cors-preflight", f"not allowed: {', '.join(missing)}", about)

    return Judgement(("cors-preflight",), judge)


def _shared(exchange: Exchange, origin: str) -> Iterable[Problem]:
    allowed = exchange.header("access-control-allow-origin")
    if allowed not in (origin, "*"):
        yield Problem("cors-headers", f"access-control-allow-origin: {brief(allowed)}")


def _foreign(exchange: Exchange) -> Iterable[Problem]:
    allowed = exchange.header("access-control-allow-origin")
    with_credentials = exchange.header("access-control-allow-credentials").lower() == "true"
    if with_credentials and allowed == _FOREIGN:
        yield Problem("cors-foreign-origin", "the origin is allowed, with credentials")
