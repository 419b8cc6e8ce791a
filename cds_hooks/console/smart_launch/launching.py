"""A launch, from the EHR's first request to a session: two redirects of the browser."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cds_hooks.app.notes import notes_of
from cds_hooks.app.routes import normal, route_of
from cds_hooks.console.access.cookies import Cookie
from cds_hooks.console.access.pending_sign_ins import SIGN_IN_S, PendingSignIns
from cds_hooks.errors import ChartsideError
from cds_hooks.gather.server_base import ServerBase, allowed_base
from cds_hooks.trust.openid.authorization import read_return
from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused
from cds_hooks.trust.smart.launch_client import BegunLaunch, LaunchClient, SmartClient
from cds_hooks.trust.smart.launch_context import LaunchContext
from cds_hooks.trust.smart.smart_errors import LaunchRefusal, LaunchRefused
from cds_hooks.trust.unauthenticated_limits import UnauthenticatedLimits

__all__ = ["Launching"]

_BYTES, _ID_CHARACTERS = 32, 43
_LONGEST_QUERY, _LONGEST_LAUNCH = 8192, 4096
Refused = Callable[[str, str, str], None]
"""Hears of every launch that leads nowhere: request id, route, code."""


class Launching:
    """Launches by the EHRs of `clients`. `clock` is UTC seconds."""

    def __init__(
        self,
        base_url: str,
        client: LaunchClient,
        clients: Sequence[SmartClient],
        *,
        per_minute: float = 30.0,
        refused: Refused = lambda _request_id, _route, _code: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self._clients = tuple(clients)
        self._refused = refused
        self._limits = UnauthenticatedLimits(per_minute, max(1, int(per_minute)))
        self._pending = PendingSignIns(clock)
        parts = urlsplit(base_url)
        secure = parts.scheme == "https"
        name = "__Host-chartside-launch" if secure else f"chartside-launch-{parts.port or 0}"
        self._cookie = Cookie(name, secure, SIGN_IN_S)

    async def start(self, request: Request) -> Response:
        """To the EHR's authorization server. Raises LaunchRefused, LaunchUnusable."""
        if request.method != "GET":
            return Response()
        self._enter(request)
        try:
            server, launch = _launch_parameters(request.url.query)
            begun, url = await self.client.begin(self._client_of(server), server, launch)
        except ChartsideError as error:
            raise self._told(request, error) from None
        browser = self._cookie.read(request)
        if len(browser) != _ID_CHARACTERS:
            browser = secrets.token_urlsafe(_BYTES)
        self._pending.add(begun, "", browser)
        response = RedirectResponse(url, 303)
        self._cookie.write(response, browser)
        return response

    async def finished(self, request: Request) -> LaunchContext:
        """Who came back, and of which patient. Raises LaunchRefused, LaunchUnusable."""
        self._enter(request)
        try:
            returned = read_return(request.url.query)
            begun, _ = self._pending.take(returned.state, self._cookie.read(request))
            if not isinstance(begun, BegunLaunch):
                raise SignInRefused(SignInRefusal.STATE)
            context = await self.client.finish(begun, returned)
        except ChartsideError as error:
            raise self._told(request, error) from None
        # Many clinicians may come from one address, such as a terminal server's.
        self._limits.good(_peer(request))
        return context

    def _enter(self, request: Request) -> None:
        self._limits.enter(_peer(request))

    def _client_of(self, server: str) -> SmartClient:
        """The EHR whose FHIR server it is. Raises LaunchRefused with the line to add."""
        for client in self._clients:
            if allowed_base(server, client.bases) is not None:
                return client
        base = ServerBase.parse(server)
        if base is None:
            raise LaunchRefused(LaunchRefusal.FORM)
        line = f'fhir_bases = ["{base}"]'
        raise LaunchRefused(LaunchRefusal.SERVER, add=f"[[clients]]\nsmart_launch = true\n{line}")

    def _told(self, request: Request, error: ChartsideError) -> ChartsideError:
        route, notes = route_of(normal(request.url.path)), notes_of(request.scope)
        self._refused(notes.request_id, route, error.code)
        return LaunchRefused(error.reason) if isinstance(error, SignInRefused) else error


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _launch_parameters(query: str) -> tuple[str, str]:
    """`iss` and `launch`, each once. Raises LaunchRefused."""
    if len(query) > _LONGEST_QUERY:
        raise LaunchRefused(LaunchRefusal.FORM)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise LaunchRefused(LaunchRefusal.FORM) from None
    server, launch = ([v for name, v in pairs if name == key] for key in ("iss", "launch"))
    if len(server) != 1 or len(launch) != 1 or not 0 < len(launch[0]) <= _LONGEST_LAUNCH:
        raise LaunchRefused(LaunchRefusal.FORM)
    return server[0], launch[0]
