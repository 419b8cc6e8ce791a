"""How long records are kept, and what may not be let go: holds.

A held record is neither deleted by retention nor erased until somebody releases the hold.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, or_, select, update

from cds_hooks.audit import tables
from cds_hooks.errors import ChartsideError

__all__ = [
    "Dropped",
    "Hold",
    "HoldKind",
    "HoldRefused",
    "drop_expired",
    "holds",
    "place_hold",
    "release_hold",
    "require_not_held",
]

HoldKind = Literal["patient", "consultation"]

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", re.ASCII)


class HoldRefused(ChartsideError):
    """A hold cannot be placed or released as asked, or keeps a record from being erased."""

    code = "hold-refused"
    status = 409
    issue = "conflict"


@dataclass(frozen=True, slots=True)
class Hold:
    """What is kept until it is released. `reference` is the site's name of the case."""

    id: str
    kind: HoldKind
    subject: str
    reference: str
    placed: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """What retention let go. `digest` is a SHA-256 over the ids, which are random or keyed."""

    consultations: tuple[str, ...] = field(default=(), repr=False)
    feedback: tuple[str, ...] = field(default=(), repr=False)
    cards: int = 0

    @property
    def count(self) -> int:
        return len(self.consultations) + len(self.feedback)

    @property
    def digest(self) -> str:
        ids = "\n".join((*sorted(self.consultations), "", *sorted(self.feedback)))
        return f"sha256:{hashlib.sha256(ids.encode()).hexdigest()}"


def drop_expired(connection: Connection, now: float, most: int) -> Dropped:
    """Delete what has expired and is not held, cards with it; at most so many records."""
    of, said, made = tables.consultations, tables.feedback, tables.cards
    free = ~of.c.id.in_(_held("consultation")) & ~of.c.patient_key.in_(_held("patient"))
    old = select(of.c.id).where(of.c.expires <= now, free).limit(most)
    consultations = tuple(connection.execute(old).scalars())
    gone = delete(made).where(made.c.consultation_id.in_(consultations))
    cards = connection.execute(gone).rowcount if consultations else 0
    _delete(connection, of.c.id, consultations)
    old = select(said.c.id).where(said.c.expires <= now, _feedback_is_free())
    feedback = tuple(connection.execute(old.limit(most - len(consultations))).scalars())
    _delete(connection, said.c.id, feedback)
    return Dropped(consultations, feedback, cards)


def place_hold(
    connection: Connection, kind: HoldKind, subject: str, reference: str, now: float
) -> Hold:
    """Keep a patient's records (`subject` is the pseudonym) or one consultation until released.

    Raises HoldRefused for a reference that may hold more than a name of a case.
    """
    if not _REFERENCE.fullmatch(reference):
        hint = "Give the case's number: at most 64 letters, digits and . _ / - without spaces."
        raise HoldRefused("the reference is no name of a case", where="reference", hint=hint)
    hold = Hold(str(uuid.uuid4()), kind, subject, reference, now)
    row = {"id": hold.id, "kind": kind, "subject": subject, "reference": reference, "placed": now}
    connection.execute(insert(tables.holds), row)
    return hold


def release_hold(connection: Connection, hold_id: str, now: float) -> Hold:
    """End a hold. Raises HoldRefused when there is none with this id."""
    table = tables.holds
    found = [hold for hold in holds(connection) if hold.id == hold_id]
    if not found:
        hint = "List them: chartside audit hold list."
        raise HoldRefused("there is no such hold", where=hold_id, hint=hint)
    connection.execute(update(table).where(table.c.id == hold_id).values(released=now))
    return found[0]


def holds(connection: Connection) -> tuple[Hold, ...]:
    """The holds that are not released, oldest first."""
    table = tables.holds
    query = select(table).where(table.c.released.is_(None)).order_by(table.c.placed, table.c.id)
    return tuple(
        Hold(row.id, row.kind, row.subject, row.reference, row.placed)
        for row in connection.execute(query)
    )


def require_not_held(connection: Connection, patient_key: str) -> None:
    """Refuse to erase a patient while they, or one of their consultations, are held."""
    of = tables.consultations.c
    mine = set(connection.execute(select(of.id).where(of.patient_key == patient_key)).scalars())
    for hold in holds(connection):
        if hold.subject == patient_key or hold.subject in mine:
            hint = f"Release it first, if that may be: chartside audit hold release {hold.id}."
            raise HoldRefused("a hold keeps these records", where=hold.reference, hint=hint)


def _held(kind: HoldKind) -> Select[tuple[str]]:
    table = tables.holds.c
    return select(table.subject).where(table.kind == kind, table.released.is_(None))


def _feedback_is_free() -> ColumnElement[bool]:
    """Feedback is held with its consultation, and with the patient whose key sealed it."""
    said, keys = tables.feedback.c, tables.data_keys.c
    of = tables.consultations.c
    held = select(of.id).where(of.patient_key.in_(_held("patient")))
    sealed = select(keys.id).where(keys.owner.in_(_held("patient")))
    by_consultation = or_(
        said.consultation_id.is_(None),
        ~said.consultation_id.in_(_held("consultation")) & ~said.consultation_id.in_(held),
    )
    by_key = or_(said.sealed_by.is_(None), ~said.sealed_by.in_(sealed))
    return by_consultation & by_key


def _delete(connection: Connection, column: ColumnElement[str], ids: Sequence[str]) -> None:
    if ids:
        connection.execute(delete(column.table).where(column.in_(ids)))
