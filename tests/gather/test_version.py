"""Asking a server for its version, and not asking too often."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpx
import pytest

from cds_hooks.gather import GatherConfig, VersionCache, open_http
from cds_hooks.gather.fhir_client import FhirClient
from cds_hooks.gather.server_base import ServerBase

TLS = ssl.create_default_context()


async def ask(cache: VersionCache, statement: Any, calls: list[str], host: str = "h") -> str | None:
    """Ask a server on `host` that answers with `statement`."""

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(200, json=statement)

    base = ServerBase.parse(f"https://{host}/fhir")
    assert base is not None
    config = GatherConfig()
    async with open_http(config, tls=TLS, transport=httpx.MockTransport(answer)) as pool:
        ends = asyncio.get_running_loop().time() + 5
        return await cache.ask(FhirClient(pool, base, None, config, ends))


@pytest.mark.parametrize(
    ("statement", "version"),
    [
        ({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}, "4.0.1"),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}, "3.0.2"),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "6.0.0-ballot3"}, "6.0.0-ballot3"),
        ({"resourceType": "Conformance", "fhirVersion": "1.0.2"}, "1.0.2"),
        ({"resourceType": "CapabilityStatement", "fhirVersion": "<b>4</b>"}, None),
        ({"resourceType": "CapabilityStatement", "fhirVersion": 4}, None),
        ({"resourceType": "CapabilityStatement"}, None),
        ({"resourceType": "Patient", "fhirVersion": "4.0.1"}, None),
        ([], None),
    ],
)
async def test_the_version_is_what_the_statement_says(statement: Any, version: str | None) -> None:
    assert await ask(VersionCache(), statement, []) == version


async def test_an_answer_is_remembered_and_none_too_for_a_while() -> None:
    good = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    for statement in (good, {}):
        cache, calls = VersionCache(), list[str]()
        for _ in range(3):
            await ask(cache, statement, calls)
        assert calls == ["https://h/fhir/metadata"]
    cache, calls = VersionCache(retry_seconds=0), list[str]()
    for _ in range(3):
        await ask(cache, {}, calls)
    assert len(calls) == 3


async def test_only_so_many_servers_are_remembered() -> None:
    good = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    cache, calls = VersionCache(size=2), list[str]()
    for host in ("a", "b", "c", "c", "a"):
        await ask(cache, good, calls, host)
    assert [httpx.URL(call).host for call in calls] == ["a", "b", "c", "a"]
