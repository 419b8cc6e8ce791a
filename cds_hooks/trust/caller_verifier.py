"""From the Authorization header of a call to who calls, or a refusal."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cds_hooks.consultation import Access
from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from cds_hooks.trust.client import Client
from cds_hooks.trust.client_rates import Rates
from cds_hooks.trust.key_set_cache import KeySets
from cds_hooks.trust.token_checks import Verified, verify
from cds_hooks.trust.token_parsing import bearer_of

__all__ = ["CallerVerifier", "VerifiedCaller"]

Remember = Callable[[str, float], Awaitable[bool]]
"""From a token's digest and when it expires to whether it was never seen before."""

RefusedUntil = Callable[[], Awaitable[float]]
"""The moment until which issued tokens are refused: which of them were used may be forgotten."""


async def _nothing_forgotten() -> float:
    return -math.inf


@dataclass(frozen=True, slots=True)
class VerifiedCaller:
    """A caller whose token is good: `token` is the keyed hash of its issuer and `jti`."""

    client: Client
    tenant: str
    token: str
    access: Access = field(default_factory=Access)


class CallerVerifier:
    """`digest` makes the keyed hash of issuer and `jti`; `remember` and `refused_until` are shared
    by all workers."""

    def __init__(
        self,
        clients: Iterable[Client],
        keys: KeySets,
        *,
        digest: Callable[[str, str], str],
        remember: Remember,
        refused_until: RefusedUntil = _nothing_forgotten,
        rates: Rates | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clients = {client.issuer: client for client in clients}
        self._keys = keys
        self._digest = digest
        self._remember = remember
        self._refused_until = refused_until
        self._rates = rates or Rates()
        self._now = now

    async def admit(
        self, authorizations: Sequence[str], url: str, certificate: bytes = b""
    ) -> VerifiedCaller:
        """Who calls `url` with these Authorization headers and this certificate (DER).

        Raises TokenRefused, RateLimited, and whatever `remember` and `refused_until` raise: then
        nobody is let in.
        """
        text = bearer_of(authorizations)
        found = await self._verified(text, url, certificate)
        self._rates.take(found.client)
        self._keys.renew(found.client)
        await self._require_remembered(found)
        token = self._digest(found.client.issuer, found.token_id)
        if not await self._remember(token, found.expires):
            raise TokenRefused(TokenRefusal.REPLAYED, found.client.name)
        return VerifiedCaller(found.client, found.tenant, token, found.access)

    async def _require_remembered(self, found: Verified) -> None:
        """A token may have been used that was issued by a clock ahead of ours: by the leeway."""
        if found.issued <= await self._refused_until() + found.client.leeway_s:
            raise TokenRefused(TokenRefusal.BEFORE_RESTORE, found.client.name)

    async def _verified(self, text: str, url: str, certificate: bytes) -> Verified:
        """Once more with fresh keys when the token names one that is not known."""
        try:
            return self._verify(text, url, certificate)
        except TokenRefused as refused:
            client = self._by_name(refused.client)
            if refused.reason is not TokenRefusal.KEY or client is None:
                raise
            if not await self._keys.refresh(client):
                raise
        return self._verify(text, url, certificate)

    def _verify(self, text: str, url: str, certificate: bytes) -> Verified:
        return verify(text, self._clients, self._keys.of, url, self._now(), certificate)

    def _by_name(self, name: str) -> Client | None:
        return next((each for each in self._clients.values() if each.name == name), None)
