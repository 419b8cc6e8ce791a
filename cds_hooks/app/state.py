"""What the endpoints share, and how each of them reads its request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.requests import ClientDisconnect, Request

from cds_hooks.app.errors import AnswerLate, ClientGone
from cds_hooks.app.handlers import AppHandlers, RequestInfo
from cds_hooks.app.notes import notes_of
from cds_hooks.app.published_services import PublishedServices
from cds_hooks.app.server_settings import AppConfig

__all__ = ["AppState", "State", "read_body", "request_info", "state_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AppState:
    """What every endpoint works with."""

    handlers: AppHandlers
    config: AppConfig
    published: PublishedServices

    async def in_time(self, work: Awaitable[T], wait_s: float = 0.0) -> T:
        """What `work` gives. Raises AnswerLate past the last bound."""
        try:
            async with asyncio.timeout(self.config.answer_at_most_s + wait_s) as bound:
                return await work
        except TimeoutError:
            if bound.expired():
                raise AnswerLate from None
            raise


async def _state(request: Request) -> AppState:
    return state_of(request)


def state_of(request: Request) -> AppState:
    """The state, for the endpoints of hooks: as a dependency it costs a tenth of a small call."""
    state: AppState = request.app.state.shared
    return state


State = Annotated[AppState, Depends(_state)]
"""The state as an endpoint's parameter."""


async def read_body(request: Request) -> bytes:
    """The whole body, bounded by the middleware. Raises ClientGone."""
    try:
        return b"".join([piece async for piece in request.stream()])
    except ClientDisconnect:
        raise ClientGone from None


def request_info(request: Request, wait_s: float = 0.0) -> RequestInfo:
    """Who calls, as far as the middleware knows, and since when."""
    notes = notes_of(request.scope)
    return RequestInfo(
        notes.request_id, notes.received, wait_s, caller=notes.caller, shed=notes.shed
    )
