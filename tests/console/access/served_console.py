"""The console with pages of somebody else's, what was recorded, and a clock of its own."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cds_hooks.app import AppHandlers, create_app
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.console import LinkedPages, make_router
from cds_hooks.console.access import (
    Access,
    ConsoleSettings,
    LocalLinks,
    OpenId,
    Reader,
    Role,
    requires,
)
from cds_hooks.console.access.recording import Recording
from tests.console.conftest import NoPages, make_site

__all__ = ["BASE", "SECRET", "Console"]

SECRET = b"s" * 32
BASE = "http://127.0.0.1:8010"


class Console:
    """One console; `done` are the bodies of forms that were taken."""

    def __init__(
        self,
        profile: str = "demo",
        *,
        openid: OpenId | None = None,
        base: str = BASE,
        **config: Any,
    ) -> None:
        self.base = base
        self.now = 1_790_000_000.0
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[tuple[str, str]] = []
        self.fails = False
        self.done: list[bytes] = []
        site = make_site(profile=profile, base_url=base)
        links = LocalLinks(SECRET, self.clock) if site.demo and not openid else None
        recording = Recording(self._record, lambda _, *told: self.refused.append(told))
        self.access = Access(
            site,
            ConsoleSettings(**config),
            links=links,
            openid=openid,
            recording=recording,
            clock=self.clock,
        )
        self.router = make_router(site, LinkedPages(site, NoPages()), self.access)
        self._add_pages(self.router)
        self.app = self.make_app()

    def make_app(self) -> FastAPI:
        """The application with the routes that there are by now."""
        site = self.access.site

        async def nothing(*_: Any) -> Any: ...

        handlers = AppHandlers(
            answer=nothing,
            record_feedback=nothing,
            ready=site.ready,
            metrics=lambda: (b"", "text/plain"),
            basis=HTMLResponse,
            version={"version": "1"},
            observe=lambda _: None,
        )
        return create_app(handlers, pages=[self.router], visit=self.access.attach)

    def clock(self) -> float:
        return self.now

    async def _record(self, type_: str, /, *, user: str, **details: Any) -> None:
        if self.fails:
            raise StoreUnavailable("disk-full")
        self.recorded.append((type_, {"user": user, **details}))

    def _add_pages(self, router: APIRouter) -> None:
        async def page(reader: Annotated[Reader, Depends(requires(Role.REVIEWER))]) -> Response:
            return HTMLResponse(reader.name)

        async def form(
            request: Request, reader: Annotated[Reader, Depends(requires(Role.REVIEWER))]
        ) -> Response:
            self.done.append(b"".join([piece async for piece in request.stream()]))
            return HTMLResponse(reader.name)

        router.add_api_route("/docs/page", page)
        router.add_api_route("/docs/form", form, methods=["POST"])

    def sign_in(self, *roles: Role, subject: str = "ann") -> str:
        reader = Reader(subject, subject.title(), frozenset(roles or Role), "link")
        return self.access.sessions.begin(reader)

    def csrf(self, session: str) -> str:
        found = self.access.sessions.find(session)
        assert found is not None
        return found.csrf

    def ask(
        self, method: str, path: str, session: str = "", *, peer: str = "127.0.0.1", **more: Any
    ) -> httpx.Response:
        return asyncio.run(self.send_request(method, path, session, peer=peer, **more))

    async def send_request(
        self, method: str, path: str, session: str = "", *, peer: str = "127.0.0.1", **more: Any
    ) -> httpx.Response:
        headers = more.pop("headers", {})
        if session:
            headers = {"cookie": f"{self.access.cookie.name}={session}", **headers}
        transport = httpx.ASGITransport(self.app, client=(peer, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=self.base) as client:
            return await client.request(method, path, headers=headers, **more)

    def send(self, session: str, body: Any, *, site: str = "same-origin", **headers: str) -> Any:
        asked = {"sec-fetch-site": site, **headers}
        return self.ask("POST", "/docs/form", session, data=body, headers=asked)
