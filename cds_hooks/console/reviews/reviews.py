"""What the pages of reviews need of the running service."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cds_hooks.audit.review_store import ReviewStore
from cds_hooks.audit.reviews import KINDS, MOST_OPINIONS, Queued
from cds_hooks.console.reader import Reader
from cds_hooks.console.rendering import render
from cds_hooks.console.reviews.forms import LONGEST_REASON
from cds_hooks.console.reviews.review_settings import ReviewSettings
from cds_hooks.console.reviews.sampling import chosen
from cds_hooks.statistics.suppression import Share, share_of

__all__ = ["Reviews", "who_of"]

# The rule looks at all consultations on record: not at each opening of the page.
_FILL_EVERY_S = 60.0


def who_of(reader: Reader) -> dict[str, Any]:
    """Who acts, for the ledger."""
    return {
        "user": reader.subject,
        "how": reader.how,
        "roles": sorted(role.value for role in reader.roles),
    }


@dataclass(slots=True)
class Reviews:
    """`digest` is the site's keyed hash; `diagnoses` names what a consultation lists, in its order.
    Counts of answers below `smallest` are not shown."""

    store: ReviewStore
    settings: ReviewSettings
    digest: Callable[..., str]
    diagnoses: Callable[[str], Awaitable[tuple[str, ...]]]
    smallest: int
    _filled: float = field(default=float("-inf"))

    async def fill(self) -> None:
        """Put into the queue what the rule of the settings chooses. Raises StoreUnavailable."""
        now = time.monotonic()
        if now - self._filled < _FILL_EVERY_S:
            return
        self._filled = now
        if not (self.settings.share or self.settings.outcomes):
            return
        found = await self.store.not_queued()
        for id_, why in chosen(found, self.settings, self.digest):
            await self.store.enqueue(id_, why)

    async def section(self, consultation: str, reader: Reader) -> Markup:
        """The part of a consultation's page in which it is reviewed."""
        queued = await self.store.of(consultation, who_of(reader))
        names = await self.diagnoses(consultation)
        html = render(
            "reviews/section.html.j2",
            root="../../",
            consultation=consultation,
            queued=queued,
            own=queued.of(self.store.reviewer(who_of(reader))) if queued else None,
            names=names,
            kinds=KINDS,
            most=MOST_OPINIONS,
            longest=LONGEST_REASON,
        )
        return Markup(html)  # noqa: S704 - a template's text, escaped by it

    async def counts(self) -> dict[str, tuple[int | None, Share]]:
        """Of each kind of reviewer: how many answered, and how many of them agreed."""
        said = await self.store.said_by_kind()
        found: dict[str, tuple[int | None, Share]] = {}
        for kind in KINDS:
            agreed, of = said[kind, "agree"], said[kind, "agree"] + said[kind, "disagree"]
            share = share_of(agreed, of, self.smallest)
            found[kind] = (share.of, share)
        return found

    async def rows(self, reader: Reader) -> list[tuple[Queued, str]]:
        """The queue with how each stands for this reviewer, what can be done first."""
        me = self.store.reviewer(who_of(reader))
        rows = [(each, _state(each, me)) for each in await self.store.queue()]
        return sorted(rows, key=lambda row: _ORDER.index(row[1]))


_ORDER = ("yours", "free", "taken", "answered by you", "done")


def _state(queued: Queued, reviewer: str) -> str:
    own = queued.of(reviewer)
    if own is not None:
        return "yours" if own.answered is None else "answered by you"
    if queued.free:
        return "free"
    open_ = any(each.answered is None for each in queued.reviews)
    return "taken" if open_ else "done"
