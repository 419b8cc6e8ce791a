"""The page of one consultation, for whoever has a card's link or was led there by the EHR."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import HTMLResponse, StreamingResponse

from cds_hooks.cards.card_data import override_reasons
from cds_hooks.console.consultations.content import consultation_values
from cds_hooks.console.consultations.judging import Judging
from cds_hooks.console.consultations.since import since
from cds_hooks.console.consultations.streams import AnswerStreams
from cds_hooks.console.rendering import make_page
from cds_hooks.console.site import Site
from cds_hooks.consult import ConsultationPages, OpenedConsultation

__all__ = ["CONTENT", "PAGE", "Launched", "LinkedPages", "page_of"]

PAGE, CONTENT = "consultations/page.html.j2", "consultations/content.html.j2"
"""The whole page, and its changing part alone."""


@dataclass(frozen=True, slots=True)
class Launched:
    """What a page says to whom the EHR led here: who reads, how to end it, and whether the card
    was of an earlier consultation."""

    user: str = field(repr=False)
    end: str
    newer_than_card: bool


class LinkedPages:
    """Pages of consultations for whoever has their link."""

    def __init__(self, site: Site, pages: ConsultationPages) -> None:
        self._site = site
        self._pages = pages
        self._streams = AnswerStreams(pages)

    async def page(self, link: str) -> HTMLResponse:
        """The consultation as it stands. Raises LinkUnknown, StoreUnavailable."""
        return await self._page(link, PAGE)

    async def content(self, link: str) -> HTMLResponse:
        """The page's changing part alone. Raises LinkUnknown, StoreUnavailable."""
        return await self._page(link, CONTENT)

    async def _page(self, link: str, template: str) -> HTMLResponse:
        """A link opens one consultation; of a newer one its page tells, and in the demo profile it
        leads there."""
        opened = await self._pages.open(link)
        newer = opened.newer_link if self._site.demo else ""
        return page_of(self._site, opened, template, link=link, newer_link=newer)

    async def events(self, link: str) -> StreamingResponse:
        """Server-sent events: `answered` once there is an answer.

        Raises LinkUnknown, StoreUnavailable, and Overloaded past the most streams.
        """
        return await self._streams.follow(self._pages.pending(link))


def page_of(
    site: Site,
    opened: OpenedConsultation,
    template: str,
    *,
    link: str,
    newer_link: str = "",
    root: str = "../",
    launched: Launched | None = None,
) -> HTMLResponse:
    """The page of what was opened. `link` is the last part of its own address, `newer_link` that of
    a newer consultation's, where this reader may have one; `root` leads to the service."""
    before, newer = opened.listed or opened.consultation, opened.newer
    changed = since(before, newer, now=opened.now, link=newer_link) if newer else None
    reasons = override_reasons()
    values = consultation_values(
        opened.consultation,
        opened.cards,
        now=opened.now,
        discriminates=opened.discriminates,
        judging=Judging(f"{link}/feedback", reasons, opened.feedback, before.id),
        listed=opened.listed,
        since=changed,
        silent=opened.silent,
        off=site.switched_off(opened.consultation.service),
    )
    frame: dict[str, Any] = {"here": "consultation", "link": link, "launched": launched}
    return make_page(site, template, sends=True, root=root, **frame, **values)
