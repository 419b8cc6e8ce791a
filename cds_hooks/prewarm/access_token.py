"""An access token by SMART Backend Services: discovery, a signed request, and a cache in memory.

Source: HL7 SMART App Launch 2.2, "Backend Services". Assertions and tokens are in no message.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from cds_hooks.errors import ChartsideError
from cds_hooks.gather.fhir_client import FhirClient, ReadError, usable_token
from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.protocol.json_body import BodyLimits, read_object
from cds_hooks.trust.signing import SigningKey, client_assertion

__all__ = ["BackendClient", "AccessTokenRefused", "TokenSource"]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEEWAY_S = 30.0
_DEFAULT_LIFETIME_S = 60.0
_LARGEST_ANSWER = 256 * 1024
# RFC 6749, section 5.2. Anything else that a server may write is not repeated.
_ERRORS = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class AccessTokenRefused(ChartsideError):
    """The authorization server gives no token, or none that can be used."""

    code = "prewarm-token-refused"
    status = 502


@dataclass(frozen=True, slots=True)
class BackendClient:
    """Who asks: the id that the server knows, the key, the scopes wanted.

    `token_url` is used instead of the one that the FHIR server names.
    """

    client_id: str
    key: SigningKey
    scope: str
    token_url: str = ""


class TokenSource:
    """One token at a time, renewed before it expires. Safe for many tasks.

    `clock` gives UTC seconds; the token endpoint has to be one of the FHIR server's own origin
    or `client.token_url`.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: ServerBase,
        client: BackendClient,
        *,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._http = http
        self._base = base
        self._client = client
        self._clock = clock
        self._new_id = new_id
        self._lock = asyncio.Lock()
        self._token = ""
        self._until = 0.0
        self._endpoint = ""

    async def token(self) -> str:
        """A token that is good for a while yet. Raises AccessTokenRefused."""
        async with self._lock:
            if not self._token or self._clock() >= self._until:
                await self._renew()
            return self._token

    def forget(self, token: str) -> None:
        """A token was refused: the next call asks for another, unless one was had meanwhile."""
        if token == self._token:
            self._token = ""

    async def _renew(self) -> None:
        asked = self._clock()
        self._endpoint = self._endpoint or await self._discover()
        granted = _granted(*await self._post())
        self._token = granted.access_token
        self._until = asked + max(granted.lifetime_s - _LEEWAY_S, granted.lifetime_s / 2)

    async def _discover(self) -> str:
        """The token endpoint. Raises AccessTokenRefused."""
        if self._client.token_url:
            return self._allowed(self._client.token_url, "prewarm.token_url")
        ends = asyncio.get_running_loop().time() + 60
        client = FhirClient(self._http, self._base, None, GatherConfig(read_s=60), ends)
        try:
            found = await client.read(".well-known/smart-configuration")
        except ReadError as error:
            raise AccessTokenRefused(
                f"the FHIR server tells nothing of SMART ({error.code.value})",
                where=".well-known/smart-configuration",
                hint="Set prewarm.token_url.",
            ) from None
        return self._allowed(_endpoint_of(found), "token_endpoint")

    def _allowed(self, url: str, where: str) -> str:
        place = ServerBase.parse(url)
        if place is None or (place.scheme != "https" and place.host not in _LOOPBACK):
            raise AccessTokenRefused("the token endpoint is no https URL", where=where)
        given = url == self._client.token_url
        own = (self._base.scheme, self._base.host, self._base.port)
        if not given and (place.scheme, place.host, place.port) != own:
            raise AccessTokenRefused(
                "the FHIR server names a token endpoint on another host",
                where=where,
                hint="If it is your authorization server, set prewarm.token_url to it.",
            )
        return url

    async def _post(self) -> tuple[int, dict[str, Any]]:
        client, now = self._client, self._clock()
        signed = client_assertion(
            client.key, client.client_id, self._endpoint, now=now, jti=self._new_id()
        )
        form = {
            "grant_type": "client_credentials",
            "scope": client.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": signed,
        }
        # Raised out here, so that no library exception, which holds the request, is in the chain.
        answer = await self._exchange(form)
        if answer is None:
            raise AccessTokenRefused(
                "the authorization server cannot be reached", where="token_endpoint"
            )
        return answer

    async def _exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]] | None:
        headers = {"Accept": "application/json"}
        try:
            async with self._http.stream(
                "POST", self._endpoint, data=form, headers=headers
            ) as response:
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _LARGEST_ANSWER:
                        break
                return response.status_code, _parsed(bytes(body))
        except httpx.HTTPError:
            return None


@dataclass(frozen=True, slots=True)
class _Granted:
    access_token: str = field(repr=False)
    lifetime_s: float


def _endpoint_of(configuration: dict[str, Any]) -> str:
    """What the server's SMART configuration says, if it takes what we can do."""
    methods = configuration.get("token_endpoint_auth_methods_supported")
    if isinstance(methods, list) and "private_key_jwt" not in methods:
        raise AccessTokenRefused(
            "the authorization server does not take private_key_jwt",
            where="token_endpoint_auth_methods_supported",
        )
    url = configuration.get("token_endpoint")
    return url if isinstance(url, str) else ""


def _granted(status: int, answer: dict[str, Any]) -> _Granted:
    if status != httpx.codes.OK:
        error = answer.get("error")
        said = f", {error}" if isinstance(error, str) and error in _ERRORS else ""
        raise AccessTokenRefused(
            f"the authorization server refuses ({status}{said})",
            where="token_endpoint",
            hint="Check prewarm.client_id, and that the server has the public key (--jwks).",
        )
    token, kind = answer.get("access_token"), answer.get("token_type")
    bearer = isinstance(kind, str) and kind.lower() == "bearer"
    if not isinstance(token, str) or not usable_token(token) or not bearer:
        raise AccessTokenRefused("what was granted is no bearer token", where="token_endpoint")
    return _Granted(token, _lifetime(answer.get("expires_in")))


def _lifetime(value: Any) -> float:
    """Seconds; some servers write the number as text, and it is required but not always there."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return _DEFAULT_LIFETIME_S
    return seconds if 0 < seconds < 86_400 else _DEFAULT_LIFETIME_S


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        return read_object(body, BodyLimits(max_bytes=_LARGEST_ANSWER))
    except ChartsideError:
        return {}
