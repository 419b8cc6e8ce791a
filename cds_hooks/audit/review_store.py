"""The review queue of a running service: every step is a ledger record, in one transaction with it.

Records name consultations and reviews by id and people by keyed hash; no reason is in them.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from cds_hooks.audit import reviews
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger.entries import user_ref
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.ledger_store import LedgerStore
from cds_hooks.audit.reviews import Kind, Queued, Review, ReviewAnswer
from cds_hooks.audit.transactions import TransactionExecutor

__all__ = ["ReviewStore", "Who"]

T = TypeVar("T")
Who = Mapping[str, Any]
"""Fields of a record that say who acts: `user`, as the identity provider names them, and more."""


class ReviewStore:
    """Every method raises StoreUnavailable, and ReviewRefused for what cannot be as it stands."""

    def __init__(
        self, transactions: TransactionExecutor, ledger: LedgerStore, key: SiteKey, *, plain: bool
    ) -> None:
        self._transactions = transactions
        self._ledger = ledger
        self._key = key
        self._plain = plain
        self._cipher = PayloadCipher(key)

    def reviewer(self, who: Who) -> str:
        """The keyed hash that stands for a reviewer."""
        return user_ref(self._key, str(who["user"]))

    async def not_queued(self) -> list[tuple[str, str]]:
        """Id and outcome of each answered consultation that is not in the queue."""
        return await self._transactions.read_long(reviews.not_queued)

    async def enqueue(self, consultation: str, why: str, who: Who | None = None) -> bool:
        """Put one into the queue; False when it is there already."""
        now = time.time()
        return await self._recorded(
            lambda connection: reviews.enqueue(connection, consultation, why, now),
            lambda made: [self._entry("review-queued", consultation, who, why=why)] if made else [],
        )

    async def queue(self) -> tuple[Queued, ...]:
        """The whole queue, without what was said."""
        return await self._transactions.read_long(reviews.queue)

    async def of(self, consultation: str, who: Who) -> Queued | None:
        """One consultation's reviews, with what this reviewer may see."""
        me = self.reviewer(who)
        return await self._transactions.read(
            lambda c: reviews.of_consultation(c, consultation, me, self._cipher)
        )

    async def all_seen_by(self, who: Who) -> tuple[Queued, ...]:
        """The whole queue, with what this reviewer may see."""
        me = self.reviewer(who)
        return await self._transactions.read_long(
            lambda c: tuple(reviews.seen_by(c, each, me, self._cipher) for each in reviews.queue(c))
        )

    async def take(self, consultation: str, kind: Kind, who: Who) -> Review | None:
        """Take a free place; None when this reviewer has one already."""
        me, now, new_id = self.reviewer(who), time.time(), str(uuid.uuid4())

        def told(review: Review | None) -> list[Entry]:
            if review is None:
                return []
            more = {"review": review.id, "kind": kind, "place": review.place}
            return [self._entry("review-assigned", consultation, who, **more)]

        return await self._recorded(
            lambda c: reviews.take(c, consultation, me, kind, now, new_id), told
        )

    async def give_back(self, consultation: str, who: Who) -> bool:
        """Free what one took and did not answer; False where there is nothing."""
        me = self.reviewer(who)

        def told(review: str | None) -> list[Entry]:
            kind = "review-given-back"
            return [self._entry(kind, consultation, who, review=review)] if review else []

        freed = await self._recorded(lambda c: reviews.give_back(c, consultation, me), told)
        return freed is not None

    async def ask_another(self, consultation: str, who: Who) -> int:
        """Ask for one more opinion; how many are wanted then."""
        return await self._recorded(
            lambda c: reviews.ask_another(c, consultation),
            lambda wanted: [self._entry("review-opinion-asked", consultation, who, wanted=wanted)],
        )

    async def answer(self, consultation: str, said: ReviewAnswer, who: Who) -> None:
        """Write what a reviewer says, once."""
        me, now = self.reviewer(who), time.time()
        counts = Counter(each.said for each in said.entries)

        def told(review: Review) -> list[Entry]:
            more: dict[str, Any] = {"review": review.id, "kind": review.kind, "said": said.whole}
            more |= {"entries_agreed": counts["agree"], "entries_disagreed": counts["disagree"]}
            return [self._entry("review-answered", consultation, who, **more)]

        await self._recorded(
            lambda c: reviews.answer(c, consultation, me, said, self._cipher, now), told
        )

    async def said_by_kind(self) -> Counter[tuple[str, str]]:
        """How many of each kind of reviewer agreed and disagreed with the whole."""
        return await self._transactions.read(reviews.said_by_kind)

    async def exported(self, who: Who, format_: str, count: int) -> None:
        """Record that somebody takes them away."""
        entry = self._entry("reviews-exported", "", who, format=format_, reviews=count)
        prepared = self._ledger.prepare(entry)
        await self._transactions.write(lambda _: None, lambda _: prepared)

    async def _recorded(
        self, operation: Callable[[Connection], T], told: Callable[[T], Sequence[Entry]]
    ) -> T:
        return await self._transactions.write(
            operation,
            lambda result: [p for entry in told(result) for p in self._ledger.prepare(entry)],
        )

    def _entry(self, type_: str, consultation: str, who: Who | None, **details: Any) -> Entry:
        fields = dict(who or {})
        user = str(fields.pop("user", ""))
        refer = user if self._plain else user_ref(self._key, user)
        return Entry.of(
            type_, {"consultation": consultation, "user_ref": refer, **fields, **details}
        )
