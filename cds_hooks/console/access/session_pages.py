"""Pages of a session: beginning it with a local link, who one is, and signing out."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.app.errors import PageRefused, PathUnknown
from cds_hooks.app.notes import notes_of
from cds_hooks.app.routes import normal, route_of
from cds_hooks.console.access.access import Access
from cds_hooks.console.access.attempts import Attempts
from cds_hooks.console.access.emergency import SHORTEST, roles_offered
from cds_hooks.console.access.links import LinkFault
from cds_hooks.console.access.refusals import answer, root_of
from cds_hooks.console.access.return_path import return_path
from cds_hooks.console.access.sessions import Session
from cds_hooks.console.local import require_local
from cds_hooks.console.reader import Reader, Role

__all__ = ["SessionPages"]

_LOCAL = Reader("local", "this machine", frozenset(Role), "link")
_FAULTS = {
    LinkFault.USED: "This link was used already",
    LinkFault.OLD: "This link is too old",
    LinkFault.WRONG: "This is no link of the service that runs now",
}


class SessionPages:
    """One method a page."""

    def __init__(self, access: Access, attempts: Attempts) -> None:
        self._access = access
        self._attempts = attempts

    async def open_link(self, token: str, request: Request) -> Response:
        """Begin a session with a one-time link; then the inspector. A look does not use it up."""
        links = self._access.links
        if links is None:
            raise PathUnknown
        await require_local(request)
        self._attempts.enter(request)
        if request.method != "GET" or "sec-purpose" in request.headers:
            return HTMLResponse("")
        if (fault := links.use(token)) is not None:
            return self._no_link(request, fault)
        await self._access.recording.happened("signed-in", _LOCAL)
        return self.begin(request, _LOCAL, f"{root_of(request)}inspector")

    def begin(self, request: Request, reader: Reader, target: str) -> Response:
        """A redirect with the cookie of a new session; the browser's earlier one is over."""
        earlier = self._access.cookie.read(request)
        response = RedirectResponse(target, 303)
        self._access.cookie.write(response, self._access.sessions.begin(reader, earlier))
        return response

    async def sign_in(self, request: Request) -> Response:
        """How to sign in, and back to `return_to`."""
        await self._access.require_place(request)
        back = return_path(request.query_params.get("return_to", "/"))
        return answer(self._access.site, request, "sign_in", back=back, kept=(), action="")

    async def signed_in(self, request: Request) -> Response:
        """Where somebody ends who signed in in a tab of its own."""
        if request.state.session is None:
            return RedirectResponse(f"{root_of(request)}sign-in", 303)
        text = "Close this tab and go on in the other one."
        return self._said(request, "You are signed in", text)

    async def account(self, request: Request) -> Response:
        """Who somebody is here, since when, and what they may do about it."""
        await self._access.admit(request, tuple(Role))
        return self.account_page(request)

    def account_page(self, request: Request, *, status: int = 200, typed: str = "") -> Response:
        """That page; `typed` is a reason that was not enough."""
        session: Session = request.state.session
        sessions, now = self._access.sessions, self._access.clock()
        is_administrator = session.reader_at(now).may(Role.ADMINISTRATOR)
        people = [each for each in sessions if each is not session] if is_administrator else []
        return answer(
            self._access.site,
            request,
            "account",
            status=status,
            session=session,
            expires=sessions.expires(session),
            others=len(sessions.of(session.reader)) - 1,
            offered=roles_offered(session.reader, self._access.config),
            lasts_s=self._access.config.emergency_s,
            typed=typed,
            shortest=SHORTEST,
            refused=status != 200,
            people=[(each, each.has_emergency(now)) for each in people],
        )

    async def end_others(self, request: Request) -> Response:
        """End one's other sessions; an administrator ends the one that the form names."""
        reader = await self._access.admit(request, tuple(Role))
        for each in self._chosen(reader, request.state.session, await request.body()):
            self._access.sessions.remove(each)
            await self._access.recording.happened("signed-out", each.reader, by=reader.subject)
        return RedirectResponse("../account", 303)

    def _chosen(self, reader: Reader, own: Session, form: bytes) -> list[Session]:
        sessions = self._access.sessions
        if b"&session=" not in form:
            return [each for each in sessions.of(reader) if each is not own]
        if not reader.may(Role.ADMINISTRATOR):
            raise PathUnknown
        named = sessions.named(form)
        return [] if named is None else [named]

    async def sign_out(self, request: Request) -> Response:
        """End the session; it has ended before anything is written."""
        await self._access.require_place(request)
        session: Session | None = request.state.session
        if session is not None:
            await self._access.require_own(request, session)
            self._access.sessions.end(self._access.cookie.read(request))
            await self._access.recording.happened("signed-out", session.reader)
        response = RedirectResponse("signed-out", 303)
        self._access.cookie.drop(response)
        response.headers["Clear-Site-Data"] = '"storage"'
        return response

    async def signed_out(self, request: Request) -> Response:
        """The page after signing out."""
        await self._access.require_place(request)
        text = "Nothing of your session is left here."
        elsewhere = await self._elsewhere()
        return self._said(
            request, "You are signed out", text, offers_sign_in=True, elsewhere=elsewhere
        )

    async def _elsewhere(self) -> str:
        """Where one signs out of the identity provider; "" where there is no such address."""
        openid = self._access.openid
        address = await openid.provider.sign_out_address() if openid else ""
        if openid is None or not address:
            return ""
        joined = "&" if "?" in address else "?"
        return f"{address}{joined}{urlencode({'client_id': openid.settings.client_id})}"

    def _no_link(self, request: Request, fault: LinkFault) -> Response:
        notes = notes_of(request.scope)
        route = route_of(normal(request.url.path))
        self._access.recording.refused(notes.request_id, route, fault.value)
        text = "A link works once, within ten minutes, on the machine of the service."
        page = self._said(request, _FAULTS[fault], text, status=403, offers_sign_in=True)
        raise PageRefused(page, fault.value)

    def _said(
        self,
        request: Request,
        title: str,
        text: str,
        *,
        status: int = 200,
        offers_sign_in: bool = False,
        elsewhere: str = "",
    ) -> HTMLResponse:
        said = {"title": title, "text": text, "code": "", "elsewhere": elsewhere}
        return answer(
            self._access.site,
            request,
            "said",
            status=status,
            offers_sign_in=offers_sign_in,
            **said,
        )
