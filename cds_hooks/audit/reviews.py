"""Reviews of consultations: a queue, who has which, and what they said; run inside a transaction.

A place in the queue is held by one reviewer. What one said is shown to another only once that one
has said something too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, select, update

from cds_hooks.audit import tables
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption import ERASED, EncryptedPayload, PayloadCipher, PayloadContext
from cds_hooks.audit.silent_format import of_trial
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable
from cds_hooks.errors import ChartsideError

__all__ = [
    "KINDS",
    "MOST_OPINIONS",
    "EntryReview",
    "Kind",
    "Queued",
    "Review",
    "ReviewAnswer",
    "ReviewRefused",
    "Said",
    "answer",
    "ask_another",
    "decode",
    "enqueue",
    "give_back",
    "not_queued",
    "of_consultation",
    "queue",
    "said_by_kind",
    "take",
]

Kind = Literal["clinician", "compliance", "engineer"]
Said = Literal["agree", "disagree"]
KINDS: tuple[Kind, ...] = ("clinician", "compliance", "engineer")

MOST_OPINIONS = 3
"""So many may review one consultation."""


class ReviewRefused(ChartsideError):
    """A review that cannot be taken, given or asked for as it stands."""

    code = "review-refused"
    status = 409
    issue = "conflict"


@dataclass(frozen=True, slots=True)
class EntryReview:
    """What is said of the diagnosis at a place of the list, from 1, and why."""

    place: int
    said: Said
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What a reviewer says of a consultation as a whole, why, and of single diagnoses."""

    whole: Said
    reason: str
    entries: tuple[EntryReview, ...] = ()


_CODEC = Codec(ReviewAnswer, "review")
# An erased consultation does not say any more whether it was silent.
_SHOWN = (of_trial(silent=False), tables.consultations.c.payload_format != ERASED)


@dataclass(frozen=True, slots=True)
class Review:
    """One reviewer's. `reviewer` is a keyed hash; times are UTC seconds. `answer` is None while
    there is none, and where it was erased or is not to be seen."""

    id: str
    consultation: str
    place: int
    reviewer: str
    kind: str
    assigned: float
    answered: float | None
    said: str
    answer: ReviewAnswer | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """One consultation of the queue; `wanted` reviews are asked for, `reviews` are there."""

    consultation: str
    service: str
    why: str
    queued: float
    wanted: int
    reviews: tuple[Review, ...] = ()

    @property
    def free(self) -> int:
        """How many reviews nobody has taken."""
        return self.wanted - len(self.reviews)

    def of(self, reviewer: str) -> Review | None:
        """A reviewer's own."""
        return next((each for each in self.reviews if each.reviewer == reviewer), None)


def enqueue(connection: Connection, consultation_id: str, why: str, now: float) -> bool:
    """Put a consultation into the queue; False when it is there already.

    Raises ReviewRefused when there is no such consultation.
    """
    table = tables.consultations.c
    wanted = select(table.service).where(table.id == consultation_id, *_SHOWN)
    service = connection.execute(wanted).scalar_one_or_none()
    if service is None:
        hint = "It may have been deleted by retention."
        raise ReviewRefused("there is no such consultation", where="consultation", hint=hint)
    row = {"consultation_id": consultation_id, "service": service, "why": why}
    row |= {"queued": now, "wanted": 1}
    made = insert_on_conflict(connection, tables.review_queue).values(row)
    done = made.on_conflict_do_nothing().returning(tables.review_queue.c.consultation_id)
    return connection.execute(done).first() is not None


def not_queued(connection: Connection) -> list[tuple[str, str]]:
    """Id and outcome of each answered consultation that is not in the queue."""
    table, there = tables.consultations.c, select(tables.review_queue.c.consultation_id)
    query = select(table.id, table.outcome).where(table.outcome != "pending", *_SHOWN)
    rows = connection.execute(query.where(table.id.not_in(there)).order_by(table.created))
    return [(row.id, row.outcome) for row in rows]


def queue(connection: Connection, consultation_id: str = "") -> tuple[Queued, ...]:
    """The queue, the oldest first, without what was said; or one consultation's part of it."""
    table, reviews = tables.review_queue, tables.reviews
    asked, made = select(table).order_by(table.c.queued, table.c.consultation_id), select(reviews)
    if consultation_id:
        asked = asked.where(table.c.consultation_id == consultation_id)
        made = made.where(reviews.c.consultation_id == consultation_id)
    of: dict[str, list[Review]] = {}
    for row in connection.execute(made.order_by(reviews.c.place)):
        of.setdefault(row.consultation_id, []).append(_unseen(row))
    return tuple(
        Queued(row.consultation_id, row.service, row.why, row.queued, row.wanted,
               tuple(of.get(row.consultation_id, ())))
        for row in connection.execute(asked)
    )  # fmt: skip


def take(
    connection: Connection, consultation_id: str, reviewer: str, kind: Kind, now: float, new_id: str
) -> Review | None:
    """Take a free place; None when this reviewer has one already. Raises ReviewRefused."""
    found = _queued(connection, consultation_id)
    if found.of(reviewer):
        return None
    for place in range(1, found.wanted + 1):
        row = {"id": new_id, "consultation_id": consultation_id, "place": place}
        row |= {"reviewer": reviewer, "kind": kind, "assigned": now, "answered": None}
        row |= {"said": "", "payload_format": "", "payload": b"", "sealed_by": ""}
        made = insert_on_conflict(connection, tables.reviews).values(row)
        done = made.on_conflict_do_nothing().returning(tables.reviews.c.id)
        if connection.execute(done).first():
            return Review(new_id, consultation_id, place, reviewer, kind, now, None, "")
    hint = "Take another, or ask for one more opinion on its page."
    raise ReviewRefused("somebody else has this review", where=consultation_id, hint=hint)


def give_back(connection: Connection, consultation_id: str, reviewer: str) -> str | None:
    """Free a place that was taken and not answered; the review's id, None where there is none."""
    table = tables.reviews.c
    own = (table.consultation_id == consultation_id, table.reviewer == reviewer)
    gone = delete(tables.reviews).where(*own, table.answered.is_(None)).returning(table.id)
    row = connection.execute(gone).first()
    return row.id if row else None


def ask_another(connection: Connection, consultation_id: str) -> int:
    """Ask for one more opinion; how many are wanted then. Raises ReviewRefused."""
    found = _queued(connection, consultation_id)
    if found.free:
        raise ReviewRefused("a review is still free", where=consultation_id, hint="Take that.")
    if found.wanted >= MOST_OPINIONS:
        hint = f"There are {MOST_OPINIONS} at most."
        raise ReviewRefused("it has as many opinions as there may be", where=consultation_id,
                            hint=hint)  # fmt: skip
    table = tables.review_queue
    mine = table.c.consultation_id == consultation_id
    connection.execute(update(table).where(mine).values(wanted=found.wanted + 1))
    return found.wanted + 1


def answer(
    connection: Connection,
    consultation_id: str,
    reviewer: str,
    said: ReviewAnswer,
    cipher: PayloadCipher,
    now: float,
) -> Review:
    """Write what a reviewer says, once. Raises ReviewRefused."""
    own = _queued(connection, consultation_id).of(reviewer)
    if own is None or own.answered is not None:
        message = "this review is answered" if own else "you have not taken this review"
        hint = "What was said stays; ask for one more opinion." if own else "Take it first."
        raise ReviewRefused(message, where=consultation_id, hint=hint)
    consultations = tables.consultations.c
    owner = connection.execute(
        select(consultations.patient_key).where(consultations.id == consultation_id)
    ).scalar_one()
    context = PayloadContext("review", own.id, _CODEC.format)
    sealed = cipher.seal(connection, context, _CODEC.encode(said), owner=owner)
    table = tables.reviews
    values: dict[str, Any] = {"answered": now, "said": said.whole, "payload_format": context.format}
    values |= {"payload": sealed.payload, "sealed_by": sealed.key_id}
    mine = update(table).where(table.c.id == own.id, table.c.answered.is_(None))
    if not connection.execute(mine.values(values)).rowcount:  # sent twice, to two processes
        raise ReviewRefused("this review is answered", where=consultation_id)
    return own


def of_consultation(
    connection: Connection, consultation_id: str, reviewer: str, cipher: PayloadCipher
) -> Queued | None:
    """One consultation's reviews, with what this reviewer may see of them."""
    found = queue(connection, consultation_id)
    return seen_by(connection, found[0], reviewer, cipher) if found else None


def seen_by(connection: Connection, found: Queued, reviewer: str, cipher: PayloadCipher) -> Queued:
    """With one's own answer, and those of others once one has answered; without what they said
    before that."""
    own = found.of(reviewer)
    sees = own is not None and own.answered is not None
    table = tables.reviews
    rows = connection.execute(
        select(table).where(table.c.consultation_id == found.consultation).order_by(table.c.place)
    ).all()
    reviews = tuple(_read_answer(connection, row, cipher) if sees else _unseen(row) for row in rows)
    return Queued(found.consultation, found.service, found.why, found.queued, found.wanted, reviews)


def said_by_kind(connection: Connection) -> Counter[tuple[str, str]]:
    """How many of each kind of reviewer agreed and disagreed with the whole."""
    table = tables.reviews.c
    query = select(table.kind, table.said, func.count()).where(table.answered.is_not(None))
    rows = connection.execute(query.group_by(table.kind, table.said))
    return Counter({(kind, said): count for kind, said, count in rows})


def decode(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> ReviewAnswer:
    """What a row's reviewer said. Raises RecordErased, RecordUnreadable: also where the column that
    is counted says something else, which needs no key to be written."""
    context = PayloadContext("review", row.id, row.payload_format)
    plain = cipher.open(connection, context, EncryptedPayload(row.payload, row.sealed_by))
    said = _CODEC.decode(plain, row.payload_format, where=row.id)
    if said.whole != row.said:
        raise RecordUnreadable("the review counts as another answer than it is", where=row.id)
    return said


def _queued(connection: Connection, consultation_id: str) -> Queued:
    found = queue(connection, consultation_id)
    if not found:
        hint = "Put it into the queue on its page."
        raise ReviewRefused("it is not in the queue", where="consultation", hint=hint)
    return found[0]


def _review(row: Row[Any], said: ReviewAnswer | None = None) -> Review:
    return Review(row.id, row.consultation_id, row.place, row.reviewer, row.kind, row.assigned,
                  row.answered, row.said, said)  # fmt: skip


def _unseen(row: Row[Any]) -> Review:
    return Review(row.id, row.consultation_id, row.place, row.reviewer, row.kind, row.assigned,
                  row.answered, "")  # fmt: skip


def _read_answer(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> Review:
    if row.answered is None:
        return _review(row)
    try:
        return _review(row, decode(connection, row, cipher))
    except RecordErased:
        return _review(row)
