"""The addresses of a consultation's changing part; its page's own is in the API document."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response, StreamingResponse

from cds_hooks.app.state import State
from cds_hooks.console.consultations.following import LinkedPages

__all__ = ["add_routes"]


def add_routes(router: APIRouter, linked: LinkedPages) -> None:
    """Add the routes for whoever has a card's link."""

    async def content(link: str, state: State) -> HTMLResponse:
        return await state.in_time(linked.content(link))

    async def events(link: str, state: State) -> StreamingResponse:
        return await state.in_time(linked.events(link))

    router.add_api_route("/consultations/{link}/content", content, response_class=HTMLResponse)
    router.add_api_route("/consultations/{link}/events", events, response_class=Response)
