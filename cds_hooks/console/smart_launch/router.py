"""The addresses of launches and of the pages that they lead to."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.app.state import State
from cds_hooks.console.smart_launch.pages import LaunchedPages

__all__ = ["add_routes"]

_PAGE = "/smart/{handle}/consultation"


def add_routes(router: APIRouter, pages: LaunchedPages) -> None:
    """Add the routes, each bounded in its time."""

    async def launch(request: Request, state: State) -> Response:
        return await state.in_time(pages.launch(request))

    async def callback(request: Request, state: State) -> Response:
        return await state.in_time(pages.callback(request))

    async def page(handle: str, request: Request, state: State) -> Response:
        return await state.in_time(pages.page(handle, request))

    async def content(handle: str, request: Request, state: State) -> Response:
        return await state.in_time(pages.content(handle, request))

    async def events(handle: str, request: Request, state: State) -> Response:
        return await state.in_time(pages.events(handle, request))

    async def feedback(handle: str, request: Request, state: State) -> Response:
        return await state.in_time(pages.feedback(handle, request))

    async def end(handle: str, request: Request, state: State) -> Response:
        return await state.in_time(pages.end(handle, request))

    for path, endpoint in (
        ("/smart/launch", launch),
        ("/smart/callback", callback),
        (_PAGE, page),
        (f"{_PAGE}/content", content),
        (f"{_PAGE}/events", events),
    ):
        router.add_api_route(path, endpoint, response_class=Response)
    for path, form in ((f"{_PAGE}/feedback", feedback), ("/smart/{handle}/end", end)):
        router.add_api_route(path, form, methods=["POST"], response_class=Response)
