"""Whose charts to read: a file of patient ids, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from cds_hooks.errors import ChartsideError

__all__ = ["Item", "ListUnreadable", "PatientList", "patient_id_of", "read_patients"]

# As in a hook's context: these ids become parts of URLs.
_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._~-]{1,128}")
_LARGEST = 16 * 2**20


class ListUnreadable(ChartsideError):
    """The file of patient ids cannot be read."""

    code = "prewarm-list-unreadable"
    status = 400


@dataclass(frozen=True, slots=True)
class Item:
    """One patient, told by `label` alone ("line 3"): an id is never shown."""

    label: str
    patient_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PatientList:
    """Each patient once, and the numbers of the lines that hold no patient id."""

    items: tuple[Item, ...]
    bad_lines: tuple[int, ...] = ()


def patient_id_of(text: str) -> str:
    """The bare id of `123` or `Patient/123`; empty when it is neither."""
    bare = text.removeprefix("Patient/")
    return bare if _ID.fullmatch(bare) else ""


def read_patients(path: Path) -> PatientList:
    """The patients in a file; empty lines and those that begin with `#` are passed over.

    Raises ListUnreadable for a file that is not text or larger than 16 MiB.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= _LARGEST else None
        lines = raw.decode("utf-8-sig").splitlines() if raw is not None else None
    except OSError:
        raise ListUnreadable("the list cannot be read", where=str(path)) from None
    except UnicodeDecodeError:
        lines = None
    if lines is None:
        hint = "Write one patient id a line, as text in UTF-8."
        raise ListUnreadable("the list is not a text of this size", where=str(path), hint=hint)
    return _listed(lines)


def _listed(lines: list[str]) -> PatientList:
    found: dict[str, Item] = {}
    bad: list[int] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if patient_id := patient_id_of(text):
            found.setdefault(patient_id, Item(f"line {number}", patient_id))
        else:
            bad.append(number)
    return PatientList(tuple(found.values()), tuple(bad))
