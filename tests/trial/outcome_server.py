"""A FHIR server of values, with faults: what it holds by link, and what it was asked."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from cds_hooks.gather import GatherConfig, open_http
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.trial.outcomes.reading import AccessTokens, FixedToken, OutcomeReader
from cds_hooks.trial.outcomes.rules import load_rules
from tests.trial.outcome_cases import HOOK

__all__ = ["BASE", "FaultyServer", "bundle", "patient"]

BASE = "https://fhir.example.org/r4"
_TLS = ssl.create_default_context()


def bundle(*resources: dict[str, Any], next_link: str = "") -> dict[str, Any]:
    """One page of a search."""
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": each} for each in resources],
    }
    return made | ({"link": [{"relation": "next", "url": next_link}]} if next_link else {})


def patient(id_: str = "pat", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


@dataclass
class FaultyServer:
    """Answers by the beginning of the path under its base; a number is a status, a callable asks
    the request. What is not there is 404."""

    holds: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        link = str(request.url).removeprefix(f"{BASE}/")
        self.asked.append(link)
        fitting = [key for key in self.holds if link.startswith(key)]
        found = self.holds[max(fitting, key=len)] if fitting else 404
        if callable(found):
            found = found(request)
        if isinstance(found, int):
            return httpx.Response(found)
        return httpx.Response(200, json=found)

    async def read(
        self,
        patient_id: str = "pat",
        tokens: AccessTokens | None = None,
        transport: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda t: t,
        **bounds: Any,
    ) -> Any:
        """What the reader makes of it."""
        config = GatherConfig(read_s=20, **bounds)
        base = ServerBase.parse(BASE)
        assert base is not None
        inner = transport(httpx.MockTransport(self.answer))
        async with open_http(config, tls=_TLS, transport=inner) as http:
            reader = OutcomeReader(http, base, tokens or FixedToken(), config, load_rules())
            return await reader.read(patient_id, HOOK.timestamp())
