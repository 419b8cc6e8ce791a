"""The page behind a card's link, and the stream by which it follows a pending consultation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import HTMLResponse, StreamingResponse

from cds_hooks.app.errors import Overloaded
from cds_hooks.cards.card_data import override_reasons
from cds_hooks.console.consultations.content import consultation_values
from cds_hooks.console.consultations.judging import Judging
from cds_hooks.console.consultations.since import SinceView, since
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.consult import ConsultationPages, OpenedConsultation
from cds_hooks.consultation import PreparedConsultation

__all__ = ["LinkedPages"]

_LOOK_S = 0.5
# The browser asks again when a stream ends; a short one holds up no stop of the service.
_STREAM_S = 25.0
_MOST_STREAMS = 64
_WAITING, _ANSWERED = b": waiting\n\n", b"event: answered\ndata: answered\n\n"


class LinkedPages:
    """Pages of consultations for whoever has their link."""

    def __init__(self, site: Site, pages: ConsultationPages) -> None:
        self._site = site
        self._pages = pages
        self._streams = 0

    async def page(self, link: str) -> HTMLResponse:
        """The consultation as it stands. Raises LinkUnknown, StoreUnavailable."""
        return await self._page(link, "consultations/page.html.j2")

    async def content(self, link: str) -> HTMLResponse:
        """The page's changing part alone. Raises LinkUnknown, StoreUnavailable."""
        return await self._page(link, "consultations/content.html.j2")

    async def _page(self, link: str, template: str) -> HTMLResponse:
        opened = await self._pages.open(link)
        values = consultation_values(
            opened.consultation,
            opened.cards,
            now=opened.now,
            discriminates=opened.discriminates,
            judging=Judging(f"{link}/feedback", override_reasons(), opened.feedback),
            listed=opened.listed,
            since=self._since(opened),
            silent=opened.silent,
        )
        frame: dict[str, Any] = {"here": "consultation", "root": "../", "link": link}
        return make_page(self._site, template, sends=True, **frame, **values)

    def _since(self, opened: OpenedConsultation) -> SinceView | None:
        """What changed since the answer that is shown was made. A link opens one consultation; of
        the newer one it tells, and in the demo profile it leads there."""
        if opened.newer is None:
            return None
        before, link = opened.listed or opened.consultation, opened.newer_link
        return since(before, opened.newer, now=opened.now, link=link if self._site.demo else "")

    async def events(self, link: str) -> StreamingResponse:
        """Server-sent events: `answered` once there is an answer. Without it the page polls.

        Raises LinkUnknown, StoreUnavailable, and Overloaded past the most streams.
        """
        if self._streams >= _MOST_STREAMS:
            raise Overloaded
        pending = await self._pages.pending(link)
        return StreamingResponse(self._follow(pending), media_type="text/event-stream")

    async def _follow(self, pending: PreparedConsultation | None) -> AsyncIterator[bytes]:
        # Asked again: many may have passed `events` before the first of them began.
        if self._streams >= _MOST_STREAMS:
            return
        clock = asyncio.get_running_loop().time
        answered = pending is None
        self._streams += 1
        try:
            ends = clock() + _STREAM_S
            while pending is not None and not answered and clock() < ends:
                yield _WAITING
                await asyncio.sleep(_LOOK_S)
                answered = await self._pages.is_answered(pending)
        finally:
            self._streams -= 1
        if answered:
            yield _ANSWERED
