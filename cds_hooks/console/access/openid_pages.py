"""Signing in at the hospital's identity provider, and coming back from there."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cds_hooks.app.errors import PageRefused
from cds_hooks.app.notes import notes_of
from cds_hooks.app.routes import normal, route_of
from cds_hooks.console.access.access import Access
from cds_hooks.console.access.attempts import Attempts
from cds_hooks.console.access.claims import reader_of
from cds_hooks.console.access.cookies import sign_in_cookie
from cds_hooks.console.access.pending_sign_ins import SIGN_IN_S, PendingSignIns
from cds_hooks.console.access.refusals import answer, root_of
from cds_hooks.console.access.return_path import return_path
from cds_hooks.console.access.session_pages import SessionPages
from cds_hooks.console.reader import Reader
from cds_hooks.errors import ChartsideError
from cds_hooks.trust.openid.authorization import read_return
from cds_hooks.trust.openid.openid_errors import ProviderUnusable, SignInRefused
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.openid.provider import OpenIdProvider

__all__ = ["OpenIdPages"]

_BYTES = 32
_ID_CHARACTERS = 43
_TEXTS = {
    "refused": (
        "You are not signed in",
        "The sign-in could not be finished. It may have taken longer than ten minutes, been begun "
        "in another browser, or been refused by your hospital's identity provider.",
    ),
    "away": (
        "The identity provider does not answer",
        "Nobody can sign in until it does. Consultations behind the links of cards open as before.",
    ),
    "roleless": (
        "You have no role here",
        "Your hospital's identity provider knows you, and gives you no role that this service "
        "knows. Ask whoever keeps its groups.",
    ),
}


class OpenIdPages:
    """One method a page."""

    def __init__(
        self,
        access: Access,
        provider: OpenIdProvider,
        settings: OpenIdSettings,
        attempts: Attempts,
        sessions: SessionPages,
    ) -> None:
        self._access, self._provider, self._settings = access, provider, settings
        self._attempts, self._sessions = attempts, sessions
        self._pending = PendingSignIns(access.clock)
        self._cookie = sign_in_cookie(access.site.base_url, SIGN_IN_S)

    async def start(self, request: Request) -> Response:
        """To the provider; then back to `return_to`."""
        if request.method != "GET":
            return Response()
        self._attempts.enter(request)
        try:
            begun, url = await self._provider.begin()
        except ProviderUnusable as error:
            raise self._refused(request, "away", 503, error) from None
        browser = self._cookie.read(request)
        if len(browser) != _ID_CHARACTERS:
            browser = secrets.token_urlsafe(_BYTES)
        back = return_path(request.query_params.get("return_to", "/"))
        self._pending.add(begun, back, browser)
        response = RedirectResponse(url, 303)
        self._cookie.write(response, browser)
        return response

    async def come_back(self, request: Request) -> Response:
        """From the provider; with a new session to the page where it began."""
        if request.method != "GET":
            return Response()
        self._attempts.enter(request)
        try:
            reader, back = await self._reader(request)
        except SignInRefused as error:
            raise self._refused(request, "refused", 403, error) from None
        except ProviderUnusable as error:
            raise self._refused(request, "away", 503, error) from None
        if not reader.roles:
            await self._access.recording.happened("sign-in-refused", reader)
            raise self._page(request, "roleless", 403, "role-missing")
        await self._access.recording.happened("signed-in", reader)
        return self._sessions.begin(request, reader, f"{root_of(request)}{back.lstrip('/')}")

    async def _reader(self, request: Request) -> tuple[Reader, str]:
        returned = read_return(request.url.query)
        begun, back = self._pending.take(returned.state, self._cookie.read(request))
        claims = await self._provider.finish(begun, returned)
        return reader_of(claims, self._settings), back

    def _refused(
        self, request: Request, what: str, status: int, error: ChartsideError
    ) -> PageRefused:
        route = route_of(normal(request.url.path))
        request_id = notes_of(request.scope).request_id
        self._access.recording.refused(request_id, route, error.code)
        return self._page(request, what, status, error.code)

    def _page(self, request: Request, what: str, status: int, code: str) -> PageRefused:
        title, text = _TEXTS[what]
        page = answer(
            self._access.site,
            request,
            "said",
            status=status,
            title=title,
            text=text,
            code=code,
            elsewhere="",
            offers_sign_in=True,
        )
        return PageRefused(page, code)
