"""The app's side of an EHR launch: two redirects of the browser, and three requests of our own.

The access token that comes with the ID token is not used and not kept: the page shows what this
service has on record already.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.key_set import parse_key_set
from cds_hooks.trust.openid.authorization import BegunSignIn, Returned, redeem
from cds_hooks.trust.openid.id_token import Expected, verify_id_token
from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused
from cds_hooks.trust.smart.launch_context import LaunchContext, launch_context
from cds_hooks.trust.smart.smart_configuration import (
    MAX_BYTES,
    Listed,
    SmartConfiguration,
    parse_configuration,
)
from cds_hooks.trust.smart.smart_errors import LaunchRefusal, LaunchRefused, LaunchUnusable
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["BegunLaunch", "LaunchClient", "SmartClient"]

_SCOPES = ("launch", "openid", "fhirUser")
_ALGORITHMS = frozenset({"RS256", "RS384", "PS256", "ES256", "ES384"})
_LEEWAY_S, _READ_S, _FRESH_S = 30.0, 5.0, 300.0
_MOST_KNOWN = 100
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class SmartClient:
    """As what one EHR knows this service: `name` is the site's for it, `client_id` the EHR's for
    us, `secret` "" for a public client. `bases` are the FHIR servers that may launch it."""

    name: str
    client_id: str
    secret: str = field(repr=False)
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BegunLaunch(BegunSignIn):
    """What is remembered of a launch until its browser comes back."""

    server: str = ""
    client: SmartClient | None = None


class LaunchClient:
    """Launches of one service; browsers come back to `redirect_uri`. `clock` is UTC seconds."""

    def __init__(
        self, redirect_uri: str, listed: Listed, clock: Callable[[], float] = time.time
    ) -> None:
        self._redirect_uri = redirect_uri
        self._listed = listed
        self._clock = clock
        self._known: dict[str, tuple[float, SmartConfiguration]] = {}
        self.http: httpx.AsyncClient | None = None

    async def begin(self, client: SmartClient, server: str, launch: str) -> tuple[BegunLaunch, str]:
        """A launch, and where its browser is sent. Raises LaunchUnusable."""
        found = await self._configuration(server)
        state, nonce, verifier = (secrets.token_urlsafe(n) for n in (32, 32, 48))
        begun = BegunLaunch(state, nonce, verifier, server, client)
        url: str = prepare_grant_uri(
            found.authorization,
            client_id=client.client_id,
            response_type="code",
            redirect_uri=self._redirect_uri,
            scope=list(_SCOPES),
            state=state,
            nonce=nonce,
            aud=server,
            launch=launch,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return begun, url

    async def finish(self, begun: BegunLaunch, returned: Returned) -> LaunchContext:
        """Who launched it, and of which patient.

        Raises LaunchRefused, SignInRefused for an ID token that is not good, LaunchUnusable.
        """
        client = begun.client
        assert client is not None  # noqa: S101 - `begin` set it
        found = await self._configuration(begun.server)
        if (found.sends_issuer or returned.issuer) and returned.issuer != found.issuer:
            raise SignInRefused(SignInRefusal.ISSUER_OF_RETURN)
        if returned.error:
            raise SignInRefused(SignInRefusal.DENIED)
        answer = await self._tokens(found, client, redeem(returned, begun, self._redirect_uri))
        claims = await self._claims(found, client, begun, answer.get("id_token"))
        return launch_context(answer, claims, server=begun.server, client=client.name)

    async def _claims(
        self, found: SmartConfiguration, client: SmartClient, begun: BegunLaunch, token: Any
    ) -> Mapping[str, Any]:
        if not isinstance(token, str):
            raise LaunchRefused(LaunchRefusal.NO_ID_TOKEN)
        document = await self._document(found.keys)
        try:
            keys = parse_key_set(document, _ALGORITHMS)
        except KeysUnusable as error:
            raise LaunchUnusable(error.message) from None
        expected = Expected(
            found.issuer, client.client_id, begun.nonce, _ALGORITHMS, self._clock(), _LEEWAY_S
        )
        return verify_id_token(token, keys, expected)

    async def _tokens(
        self, found: SmartConfiguration, client: SmartClient, form: str
    ) -> Mapping[str, Any]:
        method, name = ("client_secret_basic", quote_plus(client.client_id))
        if not client.secret:
            method, name = "none", client.client_id
        auth = ClientAuth(name, quote_plus(client.secret), method)
        _, headers, body = auth.prepare("POST", found.token, dict(_FORM), form)
        status, answer = await self._ask("POST", found.token, headers=headers, content=body)
        if status in (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED):
            raise LaunchRefused(LaunchRefusal.CODE)
        if status != httpx.codes.OK:
            raise LaunchUnusable("the token endpoint does not answer 200")
        try:
            return read_strict(answer)
        except NotStrictJson:
            raise LaunchUnusable("the token endpoint's answer is no JSON object") from None

    async def _configuration(self, server: str) -> SmartConfiguration:
        """What the server says of itself, at most some minutes old."""
        read_at, known = self._known.get(server, (float("-inf"), None))
        if known is not None and time.monotonic() - read_at < _FRESH_S:
            return known
        document = await self._document(f"{server.rstrip('/')}/.well-known/smart-configuration")
        found = parse_configuration(document, server, self._listed)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[server] = (time.monotonic(), found)
        return found

    async def _document(self, url: str) -> bytes:
        status, answer = await self._ask("GET", url, headers={"Accept": "application/json"})
        if status != httpx.codes.OK:
            raise LaunchUnusable("the EHR's server does not answer 200")
        return answer

    async def _ask(self, method: str, url: str, **asked: Any) -> tuple[int, bytes]:
        if self.http is None:
            raise LaunchUnusable("the service is not open")
        try:
            async with (
                asyncio.timeout(_READ_S),
                self.http.stream(method, url, **asked) as answer,
            ):
                read = bytearray()
                async for piece in answer.aiter_bytes():
                    read += piece
                    if len(read) > MAX_BYTES:
                        raise LaunchUnusable("the EHR's answer is larger than 256 KiB")
                return answer.status_code, bytes(read)
        except (TimeoutError, httpx.HTTPError, OSError, ValueError):
            raise LaunchUnusable("the EHR's authorization server cannot be reached") from None
