"""Erasing data keys (crypto-shredding): nobody can read what they encrypt any more.

The ids of erased keys are also in a file outside the store, the erasure log: an older backup still
has the keys, and they are erased again as soon as it is opened beside that file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, or_, select, update

from cds_hooks.audit import tables
from cds_hooks.audit.encryption.payloads import ERASED
from cds_hooks.audit.store_errors import StoreRefused
from cds_hooks.private_files import make_folder

__all__ = ["ErasedRecords", "erase_patient", "read_erasure_log", "reapply_erasures"]

_LINE = re.compile(r"([0-9a-f]{32}) ([0-9]{1,12}(?:\.[0-9]{1,6})?)", re.ASCII)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class ErasedRecords:
    """What an erasure made unreadable: ids of data keys, and how many records of each kind."""

    keys: tuple[str, ...] = ()
    consultations: int = 0
    cards: int = 0
    feedback: int = 0


def erase_patient(connection: Connection, patient_key: str, now: float) -> ErasedRecords:
    """Erase a patient's data keys and empty their records."""
    keys, consultations = tables.data_keys.c, tables.consultations.c
    query = select(keys.id).where(keys.owner == patient_key, keys.erased.is_(None))
    ids = tuple(connection.execute(query).scalars())
    _wipe_keys(connection, ids, now)
    return _empty(connection, ids, consultations.patient_key == patient_key)


def _erase_by_key(connection: Connection, ids: Sequence[str], now: float) -> ErasedRecords:
    """Erase the data keys with these ids and empty the records they encrypt."""
    _wipe_keys(connection, ids, now)
    return _empty(connection, tuple(ids), tables.consultations.c.sealed_by.in_(ids))


def reapply_erasures(connection: Connection, file: Path, now: float) -> ErasedRecords:
    """Erase the keys that the erasure log lists and the store still has; add the store's own to it.

    Raises StoreRefused when the file cannot be read, OSError when it cannot be written.
    """
    keys = tables.data_keys.c
    logged, done = read_erasure_log(file), ErasedRecords()
    ids = list(logged)
    for begin in range(0, len(ids), _BATCH):
        some = keys.id.in_(ids[begin : begin + _BATCH])
        active = connection.execute(select(keys.id).where(some, keys.erased.is_(None))).scalars()
        if found := tuple(active):
            done = _sum(done, _erase_by_key(connection, found, now))
    erased = connection.execute(select(keys.id, keys.erased).where(keys.erased.is_not(None)))
    _append(file, [(row.id, row.erased) for row in erased if row.id not in logged])
    return done


def read_erasure_log(file: Path) -> dict[str, float]:
    """Ids of erased data keys and when each was erased. Raises StoreRefused."""
    try:
        lines = file.read_text(encoding="ascii").split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise _unreadable(file) from None
    # A last line without its end was being written when the machine stopped.
    found = [_LINE.fullmatch(line) for line in lines[:-1]]
    if not all(found):
        raise _unreadable(file)
    return {each[1]: float(each[2]) for each in found if each}


def _wipe_keys(connection: Connection, ids: Sequence[str], now: float) -> None:
    keys = tables.data_keys
    gone = update(keys).where(keys.c.id.in_(ids), keys.c.erased.is_(None))
    connection.execute(gone.values(wrapped=None, erased=now))


def _empty(
    connection: Connection, key_ids: Sequence[str], which: ColumnElement[bool]
) -> ErasedRecords:
    """Empty the payloads; the rows stay, to be counted, until retention deletes them."""
    consultations, feedback, cards = tables.consultations, tables.feedback, tables.cards
    ids = select(consultations.c.id).where(which)
    empty = {"payload": b"", "payload_format": ERASED}
    about = or_(feedback.c.consultation_id.in_(ids), feedback.c.sealed_by.in_(key_ids))
    readable = feedback.c.payload_format != ERASED
    entries = connection.execute(update(feedback).where(about, readable).values(empty)).rowcount
    reviews = tables.reviews
    reviewed = or_(reviews.c.consultation_id.in_(ids), reviews.c.sealed_by.in_(key_ids))
    written = reviews.c.payload_format.not_in(("", ERASED))
    connection.execute(update(reviews).where(reviewed, written).values(empty))
    found = tables.trial_outcomes
    followed = or_(found.c.consultation_id.in_(ids), found.c.sealed_by.in_(key_ids))
    connection.execute(
        update(found).where(followed, found.c.payload_format != ERASED).values(empty)
    )
    hashed = update(cards).where(cards.c.consultation_id.in_(ids), cards.c.summary_digest != "")
    summaries = connection.execute(hashed.values(summary_digest="")).rowcount
    readable = consultations.c.payload_format != ERASED
    query = update(consultations).where(which, readable).values(empty)
    emptied = connection.execute(query).rowcount
    return ErasedRecords(tuple(key_ids), emptied, summaries, entries)


def _sum(one: ErasedRecords, other: ErasedRecords) -> ErasedRecords:
    return ErasedRecords(
        (*one.keys, *other.keys),
        one.consultations + other.consultations,
        one.cards + other.cards,
        one.feedback + other.feedback,
    )


def _append(file: Path, erased: Iterable[tuple[str, float]]) -> None:
    """Append lines, durably; one write, so that several processes may append."""
    text = "".join(f"{key} {at:.3f}\n" for key, at in erased)
    if not text:
        return
    make_folder(file.parent)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as opened:
        opened.write(_end_of_line(opened.fileno()) + text.encode())
        os.fsync(opened.fileno())


def _end_of_line(descriptor: int) -> bytes:
    """The line end that a half-written last line still needs, so that it reads as damaged."""
    size = os.fstat(descriptor).st_size
    return b"" if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"


def _unreadable(file: Path) -> StoreRefused:
    hint = "Restore it from its copy: without it a restored backup would not be erased again."
    return StoreRefused("the erasure log cannot be read", where=str(file), hint=hint)
