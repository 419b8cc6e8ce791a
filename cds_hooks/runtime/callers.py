"""Clients of the running service: who calls, and on which terms."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

import httpx

from cds_hooks import audit
from cds_hooks.app import Call, RequestInfo
from cds_hooks.app.routes import route_of
from cds_hooks.audit import SiteKey, Store
from cds_hooks.consult import ClientTerms
from cds_hooks.consultation import Caller
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import GatherConfig
from cds_hooks.operation import get_logger
from cds_hooks.runtime.egress import refused_ways
from cds_hooks.runtime.refused_calls import RefusalBook, RefusedCall
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.settings.schema import ClientEntry
from cds_hooks.trust.caller_errors import KeysUnusable, TokenRefused, UnauthenticatedRateLimited
from cds_hooks.trust.caller_verifier import CallerVerifier
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set_cache import KeySets, Read, read_key_set
from cds_hooks.trust.unauthenticated_limits import UnauthenticatedLimits

__all__ = ["Callers", "asked_by", "fed_back_by", "key_sets_of"]


async def _at_once() -> None:
    return


class Callers:
    """The clients of a site. `refused` hears of every call that is not let in; `compared` returns
    once the ledger was compared with the witness, and so whether the store forgot tokens is known.

    `base_url` is the address under which EHRs know the service. Raises SettingsError for key sets
    that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        key: SiteKey,
        store: Store,
        *,
        base_url: str,
        refused: Callable[[RefusedCall], None] = lambda _: None,
        compared: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._refused = refused
        self._store, self._compared = store, compared
        self._book = RefusalBook(store, refused_ways)
        self._log = get_logger()
        self._http: httpx.AsyncClient | None = None
        self._clients = settings.clients
        self._keys = key_sets_of(settings, self._clients, self._read, self._told)
        self._gate = CallerVerifier(
            self._clients,
            self._keys,
            digest=lambda issuer, token_id: key.digest("token", issuer, token_id),
            remember=store.use_token,
            refused_until=self._refused_until,
        )
        self._unauthenticated_limits = UnauthenticatedLimits(
            settings.unauthenticated_limits.calls_per_minute, settings.unauthenticated_limits.burst
        )
        self.terms = {entry.name: _terms(settings, entry) for entry in settings.clients}

    @property
    def known(self) -> bool:
        """Whether the site has clients, so that a call needs a token."""
        return bool(self._clients)

    @contextlib.asynccontextmanager
    async def opened(
        self, transport: httpx.AsyncBaseTransport | None = None
    ) -> AsyncIterator[None]:
        """Key sets can be read meanwhile, over `transport` if given; refusals are recorded."""
        async with (
            httpx.AsyncClient(
                transport=transport, follow_redirects=False, trust_env=False, timeout=10.0
            ) as self._http,
            self._book.kept(),
        ):
            for client in self._clients:
                self._keys.renew(client)
            try:
                yield
            finally:
                await self._keys.close()

    async def identify(self, call: Call) -> Caller:
        """Who calls. Raises TokenRefused, RateLimited, StoreUnavailable and
        UnauthenticatedRateLimited."""
        try:
            self._unauthenticated_limits.enter(call.peer)
            url = f"{self._base_url}{call.path}"
            found = await self._gate.admit(call.authorizations, url, call.certificate)
        except TokenRefused as refused:
            self._tell(call, refused)
            raise
        except (
            UnauthenticatedRateLimited
        ) as limited:  # in the ledger by number; a flood fills no log
            self._book.note(RefusedCall(call.request_id, route_of(call.path), limited.code, ""))
            raise
        except ChartsideError:  # the token was good, and something else was not
            self._unauthenticated_limits.good(call.peer)
            raise
        self._unauthenticated_limits.good(call.peer)
        client = found.client
        return Caller(client.name, client.issuer, found.tenant, found.token, access=found.access)

    def note(self, refused: RefusedCall) -> None:
        """Count what was refused to somebody who asked for a page."""
        self._book.note(refused)

    def bounds(self, caller: Caller | None, site: GatherConfig) -> GatherConfig:
        """The site's bounds of gathering with the caller's own FHIR servers."""
        terms = self.terms.get(caller.client) if caller else None
        if terms is None:
            return site
        return site.model_copy(update={"allowed_bases": terms.fhir_bases})

    def _tell(self, call: Call, refused: TokenRefused) -> None:
        self._log.warning(
            "call-refused",
            request_id=call.request_id,
            route=route_of(call.path),
            code=refused.code,
            client=refused.client or "unknown",
        )
        what = RefusedCall(call.request_id, route_of(call.path), refused.code, refused.client)
        self._book.note(what)
        self._refused(what)

    async def _refused_until(self) -> float:
        await self._compared()
        return await self._store.tokens.refused_until()

    async def _read(self, url: str) -> bytes:
        if self._http is None:
            raise KeysUnusable("the service is not open")
        return await read_key_set(self._http, url)

    def _told(self, client: str, code: str) -> None:
        if code:
            self._log.warning("client-keys-not-read", client=client, code=code)
        else:
            self._log.info("client-keys-read", client=client)


def asked_by(info: RequestInfo, user: str) -> Caller:
    """Who sent a hook for this user."""
    return replace(info.caller, user=user, request_id=info.request_id)


def fed_back_by(info: RequestInfo) -> audit.RecordedCall:
    """Who sent feedback, as the ledger records it; feedback names no user."""
    caller = info.caller
    return audit.RecordedCall(
        request_id=info.request_id,
        client_iss=caller.issuer,
        tenant=caller.tenant,
        jti=caller.token,
        access=caller.access,
    )


def key_sets_of(
    settings: Settings,
    clients: Sequence[Client],
    read: Read,
    told: Callable[[str, str], None] = lambda _name, _code: None,
) -> KeySets:
    """The key sets of these clients. Raises SettingsError for one that cannot be used."""
    try:
        return KeySets(
            clients, read, settings.client_keys, published=settings.profile == "demo", told=told
        )
    except KeysUnusable as error:
        hint = "jwks_file and jwks are a JWK Set of public keys: each with kid, kty and use or alg."
        raise SettingsError(error.message, where=error.where, hint=error.hint or hint) from None


def _terms(settings: Settings, entry: ClientEntry) -> ClientTerms:
    return ClientTerms(
        fhir_bases=entry.fhir_bases or settings.fhir.allowed_bases,
        fhir_version=entry.fhir_version or settings.fhir.version or None,
        card_profile=entry.card_profile or settings.cards.profile,
        smart=entry.smart_launch,
    )
