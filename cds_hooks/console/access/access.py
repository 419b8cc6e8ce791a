"""From a request to whoever sent it, and whether they may open the page."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from cds_hooks.app.errors import PathUnknown
from cds_hooks.app.routes import normal, route_of
from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.access.cookies import session_cookie
from cds_hooks.console.access.emergency import roles_offered
from cds_hooks.console.access.links import LocalLinks
from cds_hooks.console.access.own_pages import has_token, is_safe, is_same_origin
from cds_hooks.console.access.recording import Recording
from cds_hooks.console.access.refusals import not_allowed, not_from_here, signed_out
from cds_hooks.console.access.sessions import Session, Sessions
from cds_hooks.console.local import require_local
from cds_hooks.console.reader import Reader, Role, Visit, visiting
from cds_hooks.console.site import Site
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.openid.provider import OpenIdProvider

__all__ = ["Access", "How", "OpenId", "requires"]

How = Literal["link", "openid", "none"]


@dataclass(frozen=True, slots=True)
class OpenId:
    """The provider, and what its claims mean here."""

    provider: OpenIdProvider
    settings: OpenIdSettings


class Access:
    """Decides who may open which page.

    `links` makes it the demo profile's: sessions begin with a local link, and on this machine
    alone. With `openid` they begin at the hospital's identity provider. With neither, no page opens
    that asks for a role. `clock` is UTC seconds.
    """

    def __init__(
        self,
        site: Site,
        config: ConsoleSettings | None = None,
        *,
        links: LocalLinks | None = None,
        openid: OpenId | None = None,
        recording: Recording | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.site = site
        self.config = config or ConsoleSettings()
        self.links = links
        self.openid = openid
        self.how: How = "link" if links else "openid" if openid else "none"
        self.recording = recording or Recording()
        self.sessions = Sessions(self.config, clock)
        self.cookie = session_cookie(site.base_url, local=links is not None)
        self.clock = clock

    async def attach(self, request: Request) -> None:
        """Note who visits; the first dependency of every page of the console."""
        request.state.access = self
        request.state.session = session = self.session_of(request)
        visiting(self.visit_of(session))

    def session_of(self, request: Request) -> Session | None:
        """The open session that a request belongs to."""
        if self.how == "none":
            return None
        return self.sessions.find(self.cookie.read(request))

    def visit_of(self, session: Session | None) -> Visit:
        """What the pages of a session are told."""
        if session is None:
            return Visit(how=self.how)
        now, taken = self.clock(), session.emergency
        lasting = taken if taken is not None and now < taken.until else None
        return Visit(
            how=self.how,
            reader=session.reader_at(now),
            csrf=session.csrf,
            emergency=lasting.role if lasting else None,
            emergency_until=lasting.until if lasting else 0.0,
        )

    async def admit(self, request: Request, roles: tuple[Role, ...]) -> Reader:
        """Whoever sent the request, if they have one of these roles.

        Raises PathUnknown where this page is for nobody who asks from there, and PageRefused.
        """
        await self.require_place(request)
        session: Session | None = request.state.session
        if session is None:
            raise await signed_out(self.site, request)
        reader = session.reader_at(self.clock())
        if not reader.may(*roles):
            await self._tell(session, route_of(normal(request.url.path)))
            offered = roles_offered(session.reader, self.config)
            raise not_allowed(self.site, request, roles, offered)
        if not is_safe(request):
            await self.require_own(request, session)
        return reader

    async def require_place(self, request: Request) -> None:
        """Refuse who asks from where no session can be. Raises PathUnknown, NotFromHere."""
        if self.how == "none":
            raise PathUnknown
        if self.how == "link":
            await require_local(request)

    async def require_own(self, request: Request, session: Session) -> None:
        """Refuse what no page of this session sent. Raises PageRefused."""
        if is_same_origin(request, self.site.base_url) and await has_token(request, session.csrf):
            return
        raise not_from_here(self.site, request)

    async def _tell(self, session: Session, route: str) -> None:
        """Record once a session and page that it was refused."""
        if route not in session.told:
            session.told.add(route)
            await self.recording.happened("page-refused", session.reader, route=route)


def requires(*roles: Role) -> Callable[[Request], Awaitable[Reader]]:
    """A dependency that lets readers with one of these roles open a page, and gives the reader."""

    async def admitted(request: Request) -> Reader:
        access: Access | None = getattr(request.state, "access", None)
        if access is None:  # a route outside the console's router: nobody may open it
            raise PathUnknown
        return await access.admit(request, roles)

    return admitted
