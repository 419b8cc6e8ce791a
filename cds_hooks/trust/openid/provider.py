"""An OpenID provider: its addresses and keys, kept; a sign-in begun and finished.

What it says is read when it is first needed, kept for `fresh_s`, and serves for `stale_s` while it
cannot be read. An unknown key id may mean a new key, so the keys are read again, but at most once
in `floor_s`. No redirect is followed, and no answer of more than 256 KiB is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

import httpx

from cds_hooks.tls_client import client_context
from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.key_set import KeySet, parse_key_set
from cds_hooks.trust.openid.authorization import (
    BegunSignIn,
    Returned,
    authorization_url,
    begin_sign_in,
    redeem,
)
from cds_hooks.trust.openid.client_authentication import client_authentication
from cds_hooks.trust.openid.id_token import Expected, key_id_of, verify_id_token
from cds_hooks.trust.openid.openid_errors import ProviderUnusable, SignInRefusal, SignInRefused
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.openid.provider_metadata import (
    MAX_BYTES,
    ProviderMetadata,
    metadata_url,
    parse_metadata,
)
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["OpenIdProvider"]

T = TypeVar("T")
Told = Callable[[str], None]
_RETRY_S = 5.0


class OpenIdProvider:
    """The provider of the settings; browsers come back to `redirect_uri`.

    `told` hears of each read: "" or an error's code. `clock` is UTC seconds. Raises SecretUnusable,
    KeyUnusable.
    """

    def __init__(
        self,
        settings: OpenIdSettings,
        redirect_uri: str,
        *,
        told: Told = lambda _code: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._authenticate = client_authentication(settings)
        self._http: httpx.AsyncClient | None = None
        self._metadata = _Kept(self._read_metadata, settings, told)
        self._keys = _Kept(self._read_keys, settings, told)

    @contextlib.asynccontextmanager
    async def opened(
        self, transport: httpx.AsyncBaseTransport | None = None
    ) -> AsyncIterator[None]:
        """The provider can be asked meanwhile, over `transport` if given."""
        async with httpx.AsyncClient(
            transport=transport,
            verify=client_context(),
            follow_redirects=False,
            trust_env=False,
            timeout=self._settings.read_s,
        ) as self._http:
            yield

    async def begin(self) -> tuple[BegunSignIn, str]:
        """A new sign-in, and where its browser is sent. Raises ProviderUnusable."""
        found, begun = await self._metadata.get(), begin_sign_in()
        settings = self._settings
        url = authorization_url(
            found.authorization, begun, settings.client_id, self._redirect_uri, settings.scopes
        )
        return begun, url

    async def finish(self, begun: BegunSignIn, returned: Returned) -> Mapping[str, Any]:
        """The claims of whoever signed in. Raises SignInRefused, ProviderUnusable."""
        found = await self._metadata.get()
        if (found.sends_issuer or returned.issuer) and returned.issuer != found.issuer:
            raise SignInRefused(SignInRefusal.ISSUER_OF_RETURN)
        if returned.error:
            raise SignInRefused(SignInRefusal.DENIED)
        token = await self._id_token(found, redeem(returned, begun, self._redirect_uri))
        keys = await self._keys_for(token)
        return verify_id_token(token, keys, self._expected(begun))

    async def sign_out_address(self) -> str:
        """Where somebody signs out of the provider itself; "" where it offers nothing."""
        with contextlib.suppress(ProviderUnusable):
            return (await self._metadata.get()).sign_out
        return ""

    def _expected(self, begun: BegunSignIn) -> Expected:
        settings = self._settings
        return Expected(
            settings.issuer,
            settings.client_id,
            begun.nonce,
            frozenset(settings.algorithms),
            self._clock(),
            settings.leeway_s,
        )

    async def _id_token(self, found: ProviderMetadata, form: str) -> str:
        headers, body = self._authenticate(found.token, form)
        status, answer = await self._ask("POST", found.token, headers=headers, content=body)
        if status in (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED):
            raise SignInRefused(SignInRefusal.CODE)
        if status != httpx.codes.OK:
            raise ProviderUnusable("the provider's token endpoint does not answer 200")
        try:
            token = read_strict(answer).get("id_token")
        except NotStrictJson:
            raise ProviderUnusable("the provider's token answer is no JSON object") from None
        if not isinstance(token, str):
            raise SignInRefused(SignInRefusal.NO_ID_TOKEN)
        return token

    async def _keys_for(self, token: str) -> KeySet:
        """The keys, read again where the token names one that is not among them."""
        key_id = key_id_of(token)
        keys = await self._keys.get()
        if key_id and key_id not in keys.keys:
            await self._keys.renew(self._settings.floor_s)
            keys = await self._keys.get()
        return keys

    async def _read_metadata(self) -> ProviderMetadata:
        issuer = self._settings.issuer
        return parse_metadata(await self._document(metadata_url(issuer)), issuer)

    async def _read_keys(self) -> KeySet:
        document = await self._document((await self._metadata.get()).keys)
        try:
            return parse_key_set(document, frozenset(self._settings.algorithms))
        except KeysUnusable as error:
            raise ProviderUnusable(error.message) from None

    async def _document(self, url: str) -> bytes:
        status, answer = await self._ask("GET", url, headers={"Accept": "application/json"})
        if status != httpx.codes.OK:
            raise ProviderUnusable("the provider does not answer 200")
        return answer

    async def _ask(self, method: str, url: str, **asked: Any) -> tuple[int, bytes]:
        if self._http is None:
            raise ProviderUnusable("the service is not open")
        try:
            async with (
                asyncio.timeout(self._settings.read_s),
                self._http.stream(method, url, **asked) as answer,
            ):
                read = b""
                async for piece in answer.aiter_bytes():
                    read += piece
                    if len(read) > MAX_BYTES:
                        raise ProviderUnusable("the provider's answer is larger than 256 KiB")
                return answer.status_code, read
        except (TimeoutError, httpx.HTTPError, OSError, ValueError):
            raise ProviderUnusable("the provider cannot be reached") from None


class _Kept(Generic[T]):
    """Something that is read from the provider, and kept. Times are monotonic seconds."""

    def __init__(
        self, read: Callable[[], Awaitable[T]], settings: OpenIdSettings, told: Told
    ) -> None:
        self._read, self._settings, self._told = read, settings, told
        self._value: T | None = None
        self._read_at = self._tried_at = float("-inf")
        self._error = ProviderUnusable("the provider was not read yet")
        self._reading = asyncio.Lock()

    async def get(self) -> T:
        """The value. Raises ProviderUnusable when there is none that is young enough."""
        if self._age() > self._settings.fresh_s:
            await self.renew(_RETRY_S)
        if self._value is None or self._age() > self._settings.stale_s:
            raise self._error
        return self._value

    async def renew(self, floor_s: float) -> None:
        """Read it again, unless that was tried within `floor_s`; one reads for all who wait."""
        async with self._reading:
            if time.monotonic() - self._tried_at < floor_s:
                return
            self._tried_at = time.monotonic()
            try:
                self._value, self._read_at = await self._read(), time.monotonic()
            except ProviderUnusable as error:
                self._error = error
                self._told(error.code)
            else:
                self._told("")

    def _age(self) -> float:
        return time.monotonic() - self._read_at
