"""The addresses of the inspector's pages. None of them holds anything of a patient."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.console.access import Reader, Role, requires
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector import Inspector
from cds_hooks.console.inspector.keeping import InspectorSession
from cds_hooks.console.inspector.pages import InspectorPages
from cds_hooks.console.inspector.streaming import InspectorStreams
from cds_hooks.console.inspector.walk_pages import WalkPages
from cds_hooks.console.site import Site
from cds_hooks.errors import ChartsideError

__all__ = ["add_routes"]

_READER = Depends(requires(Role.INTEGRATOR))


def add_routes(router: APIRouter, site: Site, inspector: Inspector) -> None:
    """Add the routes for integrators."""
    routes = _Routes(InspectorPages(site, inspector), WalkPages(site, inspector))
    add = router.add_api_route
    add("/inspector", routes.choose)
    add("/inspector/fire", routes.fire, methods=["POST"], response_class=Response)
    add("/inspector/compare", routes.compare)
    add("/inspector/{fired}", routes.walk)
    add("/inspector/{fired}/content", routes.content)
    add("/inspector/{fired}/events", routes.events, response_class=Response)
    add("/inspector/{fired}/request", routes.request, response_class=Response)
    add("/inspector/{fired}/case", routes.case, response_class=Response)
    add("/inspector/{fired}/facts/{fact}", routes.fact)
    add("/inspector/{fired}/resources/{number}", routes.resource)


class _Routes:
    """One method an address; those of pages tell an error as a page that says what to do."""

    def __init__(self, pages: InspectorPages, walks: WalkPages) -> None:
        self._pages = pages
        self._walks = walks
        self._streams = InspectorStreams()

    async def choose(self, request: Request, reader: Reader = _READER) -> Response:
        async def page() -> Response:
            return self._pages.choose(request, reader)

        return await self._told(request, page)

    async def fire(self, request: Request, reader: Reader = _READER) -> Response:
        return await self._told(request, lambda: self._pages.fire(request, reader))

    async def walk(self, request: Request, fired: str, reader: Reader = _READER) -> Response:
        return await self._shown(request, reader, fired, self._walks.walk)

    async def content(
        self, request: Request, fired: str, once: str = "", reader: Reader = _READER
    ) -> Response:
        """With `once=ended` nothing (204) before the end: for pages whose stream is broken."""
        if once and not self._pages.existing(request, reader).find(fired).stage.ended:
            return Response(status_code=204)
        return await self._shown(request, reader, fired, self._walks.content)

    async def compare(
        self, request: Request, one: str = "", other: str = "", reader: Reader = _READER
    ) -> Response:
        async def page() -> Response:
            return self._walks.compared(self._pages.existing(request, reader), one, other)

        return await self._told(request, page)

    async def events(self, request: Request, fired: str, reader: Reader = _READER) -> Response:
        return self._streams.follow(self._pages.existing(request, reader).find(fired))

    async def request(self, request: Request, fired: str, reader: Reader = _READER) -> Response:
        found = self._pages.existing(request, reader).find(fired)
        named = {"Content-Disposition": 'attachment; filename="hook-request.json"'}
        return Response(found.request, media_type="application/json", headers=named)

    async def case(self, request: Request, fired: str, reader: Reader = _READER) -> Response:
        return await self._walks.case(self._pages.existing(request, reader).find(fired))

    async def fact(
        self, request: Request, fired: str, fact: str, reader: Reader = _READER
    ) -> Response:
        async def page(inspected: Inspected) -> Response:
            return self._walks.fact(inspected, fact)

        return await self._of(request, reader, fired, page)

    async def resource(
        self, request: Request, fired: str, number: str, reader: Reader = _READER
    ) -> Response:
        async def page(inspected: Inspected) -> Response:
            return self._walks.resource(inspected, int(number) if number.isdecimal() else -1)

        return await self._of(request, reader, fired, page)

    async def _shown(
        self,
        request: Request,
        reader: Reader,
        fired: str,
        page: Callable[[InspectorSession, Inspected], Awaitable[Response]],
    ) -> Response:
        """The page of what was fired, which also tells what else this browser fired."""

        async def made() -> Response:
            session = self._pages.existing(request, reader)
            return await page(session, session.find(fired))

        return await self._told(request, made)

    async def _of(
        self,
        request: Request,
        reader: Reader,
        fired: str,
        page: Callable[[Inspected], Awaitable[Response]],
    ) -> Response:
        """The page of what this reader's browser fired under an id."""

        async def made() -> Response:
            return await page(self._pages.existing(request, reader).find(fired))

        return await self._told(request, made)

    async def _told(self, request: Request, page: Callable[[], Awaitable[Response]]) -> Response:
        try:
            return await page()
        except ChartsideError as error:
            return self._pages.trouble(error, request.url.path.count("/") - 1)
