"""Destroying data keys: what they sealed can be read by nobody any more, here or in a copy.

The marks of destroyed keys are also kept in a file apart from the store: a backup that was made
before still has the key, and is erased again as soon as it is opened beside that file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, or_, select, update

from cds_hooks.audit import tables
from cds_hooks.audit.errors import StoreRefused
from cds_hooks.audit.sealing.records import ERASED
from cds_hooks.trust.files import make_folder

__all__ = ["Erased", "destroy", "destroy_again", "erase", "marks_in"]

_LINE = re.compile(r"([0-9a-f]{32}) ([0-9]{1,12}(?:\.[0-9]{1,6})?)", re.ASCII)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure made unreadable: ids of data keys, and how many records of each kind."""

    keys: tuple[str, ...] = ()
    consultations: int = 0
    cards: int = 0
    feedback: int = 0


def erase(connection: Connection, patient_key: str, now: float) -> Erased:
    """Destroy a patient's data keys and empty all that is recorded of them, also what is plain."""
    keys, of = tables.data_keys.c, tables.consultations.c
    query = select(keys.id).where(keys.owner == patient_key, keys.erased.is_(None))
    ids = tuple(connection.execute(query).scalars())
    _destroy_keys(connection, ids, now)
    return _empty(connection, ids, of.patient_key == patient_key)


def destroy(connection: Connection, ids: Sequence[str], now: float) -> Erased:
    """Destroy the data keys with these ids and empty what they sealed."""
    _destroy_keys(connection, ids, now)
    return _empty(connection, tuple(ids), tables.consultations.c.sealed_by.in_(ids))


def destroy_again(connection: Connection, file: Path, now: float) -> Erased:
    """Erase what the file marks and the store still has; mark in the file what the store erased.

    Raises StoreRefused when the file cannot be read, OSError when it cannot be written.
    """
    keys = tables.data_keys.c
    marked, done = marks_in(file), Erased()
    ids = list(marked)
    for begin in range(0, len(ids), _AT_ONCE):
        some = keys.id.in_(ids[begin : begin + _AT_ONCE])
        alive = connection.execute(select(keys.id).where(some, keys.erased.is_(None))).scalars()
        if found := tuple(alive):
            done = _sum(done, destroy(connection, found, now))
    erased = connection.execute(select(keys.id, keys.erased).where(keys.erased.is_not(None)))
    _append(file, [(row.id, row.erased) for row in erased if row.id not in marked])
    return done


def marks_in(file: Path) -> dict[str, float]:
    """Ids of destroyed data keys and when that was. Raises StoreRefused."""
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


def _destroy_keys(connection: Connection, ids: Sequence[str], now: float) -> None:
    keys = tables.data_keys
    gone = update(keys).where(keys.c.id.in_(ids), keys.c.erased.is_(None))
    connection.execute(gone.values(wrapped=None, erased=now))


def _empty(connection: Connection, ids: Sequence[str], which: ColumnElement[bool]) -> Erased:
    """The rows stay, so that it can be counted what there was; retention lets them go."""
    of, said, made = tables.consultations, tables.feedback, tables.cards
    mine = select(of.c.id).where(which)
    nothing = {"payload": b"", "payload_format": ERASED}
    about = or_(said.c.consultation_id.in_(mine), said.c.sealed_by.in_(ids))
    left = said.c.payload_format != ERASED
    feedback = connection.execute(update(said).where(about, left).values(nothing)).rowcount
    marked = update(made).where(made.c.consultation_id.in_(mine), made.c.summary_digest != "")
    cards = connection.execute(marked.values(summary_digest="")).rowcount
    readable = of.c.payload_format != ERASED
    emptied = connection.execute(update(of).where(which, readable).values(nothing)).rowcount
    return Erased(tuple(ids), emptied, cards, feedback)


def _sum(one: Erased, other: Erased) -> Erased:
    return Erased(
        (*one.keys, *other.keys),
        one.consultations + other.consultations,
        one.cards + other.cards,
        one.feedback + other.feedback,
    )


def _append(file: Path, marks: Iterable[tuple[str, float]]) -> None:
    """Durable when it returns; one write, so that several processes may append."""
    text = "".join(f"{key} {at:.3f}\n" for key, at in marks)
    if not text:
        return
    make_folder(file.parent)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as opened:
        opened.write(_end_of_line(opened.fileno()) + text.encode())
        os.fsync(opened.fileno())


def _end_of_line(descriptor: int) -> bytes:
    """What a half-written last line still needs: it then reads as damaged, not as another mark."""
    size = os.fstat(descriptor).st_size
    return b"" if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"


def _unreadable(file: Path) -> StoreRefused:
    hint = "Restore it from its copy: without it a restored backup would not be erased again."
    return StoreRefused("the marks of erased keys cannot be read", where=str(file), hint=hint)
