"""Retention: records that have expired and are under no legal hold are deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, delete, or_, select

from cds_hooks.audit import tables
from cds_hooks.audit.legal_holds import held_subjects

__all__ = ["DeletedRecords", "delete_expired"]


@dataclass(frozen=True, slots=True)
class DeletedRecords:
    """What retention deleted. `digest` is a SHA-256 over the ids, which are random or keyed."""

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


def delete_expired(connection: Connection, now: float, most: int) -> DeletedRecords:
    """Delete at most `most` expired records that are under no hold, with their cards."""
    consultations, cards = _delete_consultations(connection, now, most)
    feedback = _delete_feedback(connection, now, most - len(consultations))
    return DeletedRecords(consultations, feedback, cards)


def _delete_consultations(
    connection: Connection, now: float, most: int
) -> tuple[tuple[str, ...], int]:
    """The ids of the deleted consultations, and how many cards went with them."""
    table, cards = tables.consultations, tables.cards
    free = ~table.c.id.in_(held_subjects("consultation")) & ~table.c.patient_key.in_(
        held_subjects("patient")
    )
    expired = select(table.c.id).where(table.c.expires <= now, free).limit(most)
    ids = tuple(connection.execute(expired).scalars())
    query = delete(cards).where(cards.c.consultation_id.in_(ids))
    count = connection.execute(query).rowcount if ids else 0
    _delete(connection, table.c.id, ids)
    return ids, count


def _delete_feedback(connection: Connection, now: float, most: int) -> tuple[str, ...]:
    table = tables.feedback
    expired = select(table.c.id).where(table.c.expires <= now, _feedback_is_free())
    ids = tuple(connection.execute(expired.limit(most)).scalars())
    _delete(connection, table.c.id, ids)
    return ids


def _feedback_is_free() -> ColumnElement[bool]:
    """Feedback is held with its consultation, and with the patient whose key encrypts it."""
    feedback, keys, consultations = (
        tables.feedback.c,
        tables.data_keys.c,
        tables.consultations.c,
    )
    patients = held_subjects("patient")
    held = select(consultations.id).where(consultations.patient_key.in_(patients))
    held_keys = select(keys.id).where(keys.owner.in_(patients))
    by_consultation = or_(
        feedback.consultation_id.is_(None),
        ~feedback.consultation_id.in_(held_subjects("consultation"))
        & ~feedback.consultation_id.in_(held),
    )
    return by_consultation & ~feedback.sealed_by.in_(held_keys)


def _delete(connection: Connection, column: ColumnElement[str], ids: Sequence[str]) -> None:
    if ids:
        connection.execute(delete(column.table).where(column.in_(ids)))
