"""A probe: a call, and what is judged by its answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from cds_hooks.conform.exchange import Call, Exchange
from cds_hooks.conform.shapes import Problem
from cds_hooks.conform.tokens import Caller

__all__ = [
    "ENDPOINTS",
    "Judgement",
    "Plan",
    "Probe",
    "Skip",
    "Target",
    "always",
    "if_ok",
    "refused",
]

ENDPOINTS = "/cds-services"

Judge = Callable[[Exchange], Iterable[Problem]]


def always(_: Exchange) -> str:
    """A condition of a judgement: every answer is judged."""
    return ""


def if_ok(exchange: Exchange) -> str:
    """A condition of a judgement: only a 200 is judged; else why not."""
    return "" if exchange.status == 200 else f"the call was not answered with 200: {exchange.came}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`checks` are proven by `judge` finding nothing, where `unless` gives no reason to skip."""

    checks: tuple[str, ...]
    judge: Judge
    unless: Callable[[Exchange], str] = always


@dataclass(frozen=True, slots=True)
class Probe:
    """A call of a service ("" is the whole address), and what its answer shows."""

    service: str
    call: Call
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Checks that are not made, and why."""

    service: str
    checks: tuple[str, ...]
    reason: str


Plan = Generator[Probe | Skip, Exchange, None]
"""Yields what to do next and is sent the exchange of each probe; of a Skip nothing is looked at."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service at `base`. Tokens, if `caller` makes any, are meant for `known_as`.

    `origin` is a registered browser client's; an answer shall come within `within_s` seconds.
    """

    base: str
    known_as: str
    caller: Caller | None = None
    origin: str = ""
    within_s: float = 5.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))

    def get(self, path: str, about: str, **headers: str) -> Call:
        """A GET, signed where there is a caller."""
        return Call("GET", path, about, {**self._signed(path), **headers})

    def post(self, path: str, about: str, body: Any) -> Call:
        """A POST of a document, or of bytes as they are."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"content-type": "application/json", **self._signed(path)}
        return Call("POST", path, about, headers, content)

    def with_token(self, path: str, about: str, body: Any, token: str) -> Call:
        """A POST with this token instead of a good one; "" for none."""
        call = self.post(path, about, body)
        headers: Mapping[str, str] = {"content-type": "application/json"}
        headers = {**headers, "authorization": f"Bearer {token}"} if token else headers
        return Call("POST", path, about, headers, call.body)

    def audience(self, path: str) -> str:
        """The URL of an endpoint, as tokens name it."""
        return f"{self.known_as}{path}"

    def _signed(self, path: str) -> dict[str, str]:
        if self.caller is None:
            return {}
        return {"authorization": f"Bearer {self.caller.good(self.audience(path))}"}


def refused(exchange: Exchange, check: str) -> Iterable[Problem]:
    """A wrong request is answered with 4xx: 5xx is one problem, anything else another."""
    if exchange.status >= 500:
        yield Problem("error-not-5xx", exchange.came, exchange.call.about)
    elif not 400 <= exchange.status < 500:
        yield Problem(check, exchange.came, exchange.call.about)
