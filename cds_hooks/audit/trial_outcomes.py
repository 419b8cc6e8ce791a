"""What patients turned out to have after their consultations: the statements, run inside a
transaction. Codes, keyed hashes and times only; no name and no text of a chart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, select

from cds_hooks.audit import tables
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption import ERASED, EncryptedPayload, PayloadCipher, PayloadContext
from cds_hooks.audit.silent_format import is_silent_format
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable
from cds_hooks.consultation import Outcome

__all__ = [
    "READ",
    "FollowUp",
    "FollowedConsultation",
    "StoredOutcome",
    "count_by_state",
    "decode",
    "of_consultations",
    "save",
    "to_follow",
]

READ = "read"
"""The state of a consultation whose patient's record could be read whole."""

_KIND = "trial-outcomes"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """One thing the patient was found to have and that was not known at the hook.

    `system` and `code` are what it counts as: ICD-10-CM where it has such a code, else as charted.
    `written` is the coding as charted, (system, code), ("", "") where only words were. `source` is
    the id of the rule, `charted` the earliest time (UTC seconds) at which it may have stood in the
    record, `precision` how exact that time was written ("instant", "day", "month", "year").
    `encounter` is the keyed hash of the encounter that it was coded for, "" where of none.
    """

    system: str
    code: str
    source: str
    charted: float
    written: tuple[str, str] = ("", "")
    precision: str = "instant"
    encounter: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What came of looking for one consultation's outcomes.

    `state` is `READ`, or why there is nothing to go by ("patient-gone"). `final`: its window had
    closed when it was read. `rules` is the digest of the rules, `read` UTC seconds. `passed_over`
    counts by code what was found and is no outcome ("known-same").
    """

    consultation: str
    state: str
    final: bool
    rules: str
    read: float
    outcomes: tuple[StoredOutcome, ...] = field(default=(), repr=False)
    passed_over: Mapping[str, int] = field(default_factory=dict)

    @property
    def conclusive(self) -> bool:
        """Whether no outcome means that there was none."""
        return self.final and self.state == READ


@dataclass(frozen=True, slots=True)
class FollowedConsultation:
    """A consultation that may be followed up, and how far it was: `state` is "" where never.
    `silent`: a trial recorded it, and nobody was shown it. `is_answer`: it holds the answer to a
    hook among them that was recorded before the model was done, and is one consultation with it."""

    id: str
    patient_key: str
    service: str
    created: float
    state: str = ""
    final: bool = False
    rules: str = ""
    read: float = 0.0
    silent: bool = False
    is_answer: bool = False


_CODEC = Codec(FollowUp, "trial-outcomes")


def to_follow(
    connection: Connection, since: float, until: float
) -> tuple[FollowedConsultation, ...]:
    """Consultations of a model begun from `since` up to before `until` (UTC seconds), those of one
    patient together, the oldest first. A check of entered problems is none; an erased one neither.
    """
    table, found = tables.consultations.c, tables.trial_outcomes.c
    joined = tables.consultations.outerjoin(
        tables.trial_outcomes, found.consultation_id == table.id
    )
    columns = (
        table.id, table.patient_key, table.service, table.created, table.payload_format,
        table.content_key, table.outcome,
    )  # fmt: skip
    query = (
        select(*columns, found.state, found.final, found.rules, found.read)
        .select_from(joined)
        .where(table.created >= since, table.created < until)
        .where(table.payload_format != ERASED, table.outcome != Outcome.CHECKED.value)
        .order_by(table.patient_key, table.created, table.id)
    )
    rows = connection.execute(query).all()
    waiting = {_question(row) for row in rows if row.outcome == Outcome.PENDING.value}
    return tuple(_followed(row, waiting) for row in rows)


def save(connection: Connection, found: FollowUp, cipher: PayloadCipher) -> bool:
    """Write what was found, in the place of what was found before; False when the consultation is
    no longer there, or was erased meanwhile."""
    table = tables.consultations.c
    owner = connection.execute(
        select(table.patient_key).where(
            table.id == found.consultation, table.payload_format != ERASED
        )
    ).scalar_one_or_none()
    if owner is None:
        return False
    context = PayloadContext(_KIND, found.consultation, _CODEC.format)
    sealed = cipher.seal(connection, context, _CODEC.encode(found), owner=owner)
    row = {
        "consultation_id": found.consultation,
        "state": found.state,
        "final": int(found.final),
        "rules": found.rules,
        "read": found.read,
        "payload_format": context.format,
        "payload": sealed.payload,
        "sealed_by": sealed.key_id,
    }
    statement = insert_on_conflict(connection, tables.trial_outcomes).values(row)
    later = {name: statement.excluded[name] for name in row if name != "consultation_id"}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["consultation_id"], set_=later)
    )
    return True


def of_consultations(
    connection: Connection, ids: Iterable[str], cipher: PayloadCipher
) -> dict[str, FollowUp]:
    """What was found for these consultations, by id; none for one that was not followed up, or was
    erased. Raises RecordUnreadable."""
    wanted, found = tuple(ids), dict[str, FollowUp]()
    for begin in range(0, len(wanted), _BATCH):
        some = tables.trial_outcomes.c.consultation_id.in_(wanted[begin : begin + _BATCH])
        for row in connection.execute(select(tables.trial_outcomes).where(some)).all():
            try:
                found[row.consultation_id] = decode(connection, row, cipher)
            except RecordErased:
                continue
    return found


def count_by_state(connection: Connection) -> dict[tuple[str, bool], int]:
    """How many consultations were followed up, by state and whether that is final."""
    table = tables.trial_outcomes.c
    query = select(table.state, table.final, func.count()).group_by(table.state, table.final)
    return {(state, bool(final)): count for state, final, count in connection.execute(query)}


def decode(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> FollowUp:
    """What a whole row says. Raises RecordErased, RecordUnreadable: also where the columns in clear
    say something else, which need no key to be written."""
    context = PayloadContext(_KIND, row.consultation_id, row.payload_format)
    plain = cipher.open(connection, context, EncryptedPayload(row.payload, row.sealed_by))
    found = _CODEC.decode(plain, row.payload_format, where=row.consultation_id)
    told = (found.consultation, found.state, int(found.final), found.rules)
    if told != (row.consultation_id, row.state, row.final, row.rules):
        message = "the outcomes say something else than their row"
        raise RecordUnreadable(message, where=row.consultation_id)
    return found


def _question(row: Any) -> tuple[str, float]:
    """What was asked and when: the same of a hook and of the answer that it began."""
    return row.content_key, row.created


def _followed(row: Any, waiting: Collection[tuple[str, float]]) -> FollowedConsultation:
    """A row of `to_follow`; `waiting` are the questions of hooks that were answered without."""
    is_answer = row.outcome != Outcome.PENDING.value and _question(row) in waiting
    return FollowedConsultation(
        row.id, row.patient_key, row.service, row.created,
        row.state or "", bool(row.final), row.rules or "", row.read or 0.0,
        is_silent_format(row.payload_format), is_answer,
    )  # fmt: skip
