"""What `chartside trial outcomes` reads a FHIR server with: credentials of its own, never a hook's.

And under which pseudonyms that server's patients are recorded.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

import httpx

from cds_hooks.audit import SiteKey
from cds_hooks.cds_client.server_chart import FhirTokenRefused
from cds_hooks.gather import open_http
from cds_hooks.gather.fhir_client import usable_token
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import (
    AccessTokenRefused,
    BackendClient,
    RateLimitedTransport,
    SigningKey,
    TokenSource,
)
from cds_hooks.private_files import read_private
from cds_hooks.runtime.configs import gather_config
from cds_hooks.runtime.egress import guarded
from cds_hooks.runtime.patient_keys import patient_keys
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.tls_client import client_context
from cds_hooks.trial.outcomes.reading import AccessTokens, FixedToken, OutcomeReader
from cds_hooks.trial.outcomes.rules import OutcomeRules
from cds_hooks.trust.egress.destinations import parse

__all__ = ["SCOPE", "outcome_reader", "outcome_server", "patient_keys_on", "signing_key"]

SCOPE = "system/Condition.rs system/Encounter.rs system/Patient.rs"
"""What is read and no more (SMART App Launch 2.2, scopes: `r` read, `s` search)."""

_SECTION = "trial_outcomes"
_MOST_PAGES = 200
_MOST_REFERENCES = 100


@dataclass(frozen=True, slots=True)
class _BackendTokens:
    """A token source whose refusals name the settings of this command."""

    source: TokenSource

    async def token(self) -> str:
        try:
            return await self.source.token()
        except AccessTokenRefused as error:
            hint = (
                f"See {_SECTION}.client_id, .key, .scope and .token_url, and what the server says."
            )
            raise FhirTokenRefused(error.message, where=error.where, hint=hint) from None

    def forget(self, token: str) -> None:
        self.source.forget(token)


def outcome_server(settings: Settings) -> ServerBase:
    """The FHIR server to read: named, or the only one there is. Raises SettingsError."""
    named = settings.trial_outcomes.fhir_server
    allowed = settings.fhir.allowed_bases
    base = ServerBase.parse(named or (allowed[0] if len(allowed) == 1 else ""))
    where = f"{_SECTION}.fhir_server"
    if base is None:
        hint = "Set it to the base of the server that has the patients' records."
        raise SettingsError("it is not known which FHIR server to read", where=where, hint=hint)
    if base.scheme == "http" and not parse(str(base), where).here:
        hint = "Use https; http is for a server on this machine."
        raise SettingsError("a record is not read in clear", where=where, hint=hint)
    return base


def signing_key(settings: Settings) -> SigningKey:
    """The key of SMART Backend Services. Raises SettingsError, KeyUnusable."""
    wanted = settings.trial_outcomes
    if wanted.key is None:
        hint = "docs/operators/trial-outcomes.md tells how to make one."
        raise SettingsError("there is no private key", where=f"{_SECTION}.key", hint=hint)
    return SigningKey.load(wanted.key, wanted.algorithm, wanted.key_id, setting=f"{_SECTION}.key")


def patient_keys_on(
    settings: Settings, key: SiteKey, base: ServerBase
) -> Callable[[str], Iterable[str]]:
    """The pseudonyms that an id of the server's may be recorded under."""
    wanted = settings.trial_outcomes
    servers = [str(base), *wanted.known_as, *([""] if wanted.hooks_without_server else [])]

    def keys_of(patient_id: str) -> frozenset[str]:
        each = (patient_keys(settings, key, patient_id, server) for server in servers)
        return frozenset().union(*each)

    return keys_of


@contextlib.asynccontextmanager
async def outcome_reader(settings: Settings, rules: OutcomeRules) -> AsyncIterator[OutcomeReader]:
    """A reader of the server, rate-limited, behind the egress lock. Raises SettingsError and
    KeyUnusable before anything is asked."""
    wanted, base = settings.trial_outcomes, outcome_server(settings)
    client = _client(settings)
    fixed = None if client else FixedToken(_bearer(settings))
    tls = client_context(wanted.authority) if base.scheme == "https" else None
    inner = httpx.AsyncHTTPTransport(verify=tls or True, trust_env=False)
    transport = RateLimitedTransport(
        guarded(inner),
        per_minute=wanted.reads_per_minute,
        longest_pause_s=wanted.longest_pause_s,
    )
    bounds = gather_config(settings).model_copy(
        update={
            # A read waits for its turn and for a busy server: its bound is above the transport's.
            "read_s": 4 * wanted.longest_pause_s + 600,
            "connect_s": 10.0,
            "max_pages": _MOST_PAGES,
            "max_references": _MOST_REFERENCES,
            "concurrency": 1,
        }
    )
    network = bounds.model_copy(update={"read_s": 60.0})
    async with open_http(network, tls=tls, transport=transport) as http:
        tokens: AccessTokens = fixed or FixedToken()
        if client is not None:
            tokens = _BackendTokens(TokenSource(http, base, client))
        yield OutcomeReader(http, base, tokens, bounds, rules)


def _client(settings: Settings) -> BackendClient | None:
    wanted = settings.trial_outcomes
    if not wanted.client_id and wanted.key is None:
        return None
    if wanted.token_file:
        message = "either a token or a client's key is needed, not both"
        raise SettingsError(message, where=f"{_SECTION}.token_file", hint="Empty one of them.")
    if not wanted.client_id:
        raise SettingsError("the client has no id", where=f"{_SECTION}.client_id")
    key = signing_key(settings)
    return BackendClient(wanted.client_id, key, wanted.scope or SCOPE, wanted.token_url or "")


def _bearer(settings: Settings) -> str:
    """The token of the file; empty without one: for an open server."""
    file = settings.trial_outcomes.token_file
    if file is None:
        return ""
    hint = "Name a text file that you may read, with the token alone in it."
    raw = read_private(file, what="the token's file", hint=hint, error=SettingsError)
    token = raw.decode("ascii", "replace").strip()
    if not usable_token(token):
        raise SettingsError("there is no bearer token", where=f"{_SECTION}.token_file", hint=hint)
    return token
