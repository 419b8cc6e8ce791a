"""Key sets: whether each client's can be read, parses, and has keys that may be used."""

from __future__ import annotations

import asyncio

import httpx

from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.runtime.egress import guarded
from cds_hooks.settings.schema import ClientEntry
from cds_hooks.tls_client import CERTIFICATE_FAULTS, certificate_fault, client_context
from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.key_set import KeySet, parse_key_set
from cds_hooks.trust.key_set_cache import read_key_set

__all__ = ["key_set_findings", "keys_finding"]


async def key_set_findings(context: Context) -> list[Finding]:
    """One finding for each client."""
    settings = context.settings
    if not settings.clients:
        return [find("key-set", Level.UNCHECKED, "clients")]
    inner = httpx.AsyncHTTPTransport(verify=client_context(), trust_env=False)
    async with httpx.AsyncClient(
        transport=guarded(inner), follow_redirects=False, trust_env=False
    ) as http:
        return [
            await _of_client(http, place, client, context)
            for place, client in enumerate(settings.clients)
        ]


async def _of_client(
    http: httpx.AsyncClient, place: int, client: ClientEntry, context: Context
) -> Finding:
    where = f"clients.{place} ({client.name})"
    try:
        async with asyncio.timeout(context.settings.client_keys.read_s):
            document = await _document(http, client)
        published = context.settings.profile == "demo"
        keys = parse_key_set(document, frozenset(client.algorithms), published=published)
    except KeysUnusable as error:
        return find("key-set", Level.FAIL, where, _mend(client), problem=error.message)
    except (TimeoutError, httpx.HTTPError, OSError) as error:
        fault = certificate_fault(error) if isinstance(error, httpx.HTTPError) else ""
        problem = CERTIFICATE_FAULTS[fault] if fault else f"{client.jku} does not answer"
        return find("key-set", Level.FAIL, where, _mend(client), problem=problem)
    return keys_finding(where, keys, _mend(client))


async def _document(http: httpx.AsyncClient, client: ClientEntry) -> bytes:
    return await read_key_set(http, client.jku) if client.fetches else client.given_keys()


def _mend(client: ClientEntry) -> str:
    if client.fetches:
        return f"curl -v {client.jku}   # or give the keys: jwks_file in its [[clients]] entry"
    if client.jwks_file:
        return f"curl -o {client.jwks_file} ...   # the EHR's JWK Set, whole"
    return "jwks = '...'   # the EHR's JWK Set, whole, in its [[clients]] entry"


def keys_finding(where: str, keys: KeySet, mend: str) -> Finding:
    """Of a set with at least one key that may be used."""
    told = {
        "count": len(keys.keys),
        "ids": ", ".join(keys.keys),
        "passed_over": "; ".join(f"{place}: {why}" for place, why in keys.passed_over),
    }
    level = Level.WARN if keys.passed_over else Level.PASS
    return find("key-set", level, where, mend, **told)
