"""Legal holds: records under one are neither deleted by retention nor erased until its release."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Select, insert, select, update

from cds_hooks.audit import tables
from cds_hooks.errors import ChartsideError

__all__ = [
    "Hold",
    "HoldKind",
    "HoldRefused",
    "active_holds",
    "held_subjects",
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
    """A hold that is not released. `subject` is a patient's pseudonym or a consultation's id,
    `reference` the site's case number."""

    id: str
    kind: HoldKind
    subject: str
    reference: str
    placed: float


def place_hold(
    connection: Connection, kind: HoldKind, subject: str, reference: str, now: float
) -> Hold:
    """Hold a patient's records or one consultation.

    Raises HoldRefused for a reference that may be more than a case number.
    """
    if not _REFERENCE.fullmatch(reference):
        hint = "Give the case's number: at most 64 letters, digits and . _ / - without spaces."
        raise HoldRefused("the reference is no name of a case", where="reference", hint=hint)
    hold = Hold(str(uuid.uuid4()), kind, subject, reference, now)
    row = {"id": hold.id, "kind": kind, "subject": subject, "reference": reference, "placed": now}
    connection.execute(insert(tables.holds), row)
    return hold


def release_hold(connection: Connection, hold_id: str, now: float) -> Hold:
    """Release a hold. Raises HoldRefused when there is none with this id."""
    table = tables.holds
    found = [hold for hold in active_holds(connection) if hold.id == hold_id]
    if not found:
        hint = "List them: chartside audit hold list."
        raise HoldRefused("there is no such hold", where=hold_id, hint=hint)
    connection.execute(update(table).where(table.c.id == hold_id).values(released=now))
    return found[0]


def active_holds(connection: Connection) -> tuple[Hold, ...]:
    """The holds that are not released, oldest first."""
    table = tables.holds
    query = select(table).where(table.c.released.is_(None)).order_by(table.c.placed, table.c.id)
    return tuple(
        Hold(row.id, row.kind, row.subject, row.reference, row.placed)
        for row in connection.execute(query)
    )


def require_not_held(connection: Connection, patient_key: str) -> None:
    """Raise HoldRefused while a patient, or one of their consultations, is under a hold."""
    column = tables.consultations.c
    query = select(column.id).where(column.patient_key == patient_key)
    consultations = set(connection.execute(query).scalars())
    for hold in active_holds(connection):
        if hold.subject == patient_key or hold.subject in consultations:
            hint = f"Release it first, if that may be: chartside audit hold release {hold.id}."
            raise HoldRefused("a hold keeps these records", where=hold.reference, hint=hint)


def held_subjects(kind: HoldKind) -> Select[tuple[str]]:
    """A query for the subjects of the active holds of one kind."""
    table = tables.holds.c
    return select(table.subject).where(table.kind == kind, table.released.is_(None))
