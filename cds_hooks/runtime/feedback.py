"""Feedback that comes: from a client of CDS Hooks, and from the page of a consultation."""

from __future__ import annotations

from collections.abc import Sequence

from cds_hooks.app import RequestInfo
from cds_hooks.audit import RecordedCall, Store
from cds_hooks.consult import ConsultationPages
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.runtime.callers import fed_back_by
from cds_hooks.runtime.observing import Observer

__all__ = ["FeedbackKeeper"]


class FeedbackKeeper:
    """Keeps feedback and counts it. Every method raises StoreUnavailable."""

    def __init__(self, store: Store, observer: Observer, pages: ConsultationPages) -> None:
        self._store = store
        self._observer = observer
        self._pages = pages

    async def of_client(
        self, service: str, entries: Sequence[FeedbackEntry], info: RequestInfo
    ) -> None:
        """What a client of CDS Hooks says of cards."""
        await self._keep(service, entries, fed_back_by(info))

    async def of_link(
        self, link: str, said: Sequence[Judgement], words: str, info: RequestInfo, of: str
    ) -> None:
        """What the form behind a card's link says. Raises LinkUnknown, FeedbackInvalid."""
        service, entry = await self._pages.feedback(link, said, words, of)
        await self._keep(service, (entry,), fed_back_by(info))

    async def of_reader(
        self, service: str, entry: FeedbackEntry, user: str, request_id: str
    ) -> None:
        """What somebody says whom the EHR names."""
        await self._keep(service, (entry,), RecordedCall(request_id=request_id, user_id=user))

    async def _keep(
        self, service: str, entries: Sequence[FeedbackEntry], call: RecordedCall
    ) -> None:
        receipt = await self._store.record_feedback(service, entries, call)
        outcomes = [entry.outcome for entry in entries]
        self._observer.fed_back(
            service, outcomes, unknown=receipt.unknown, duplicates=receipt.repeated
        )
