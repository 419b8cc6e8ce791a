"""Ledger exports: folders that a reviewer takes away and verifies alone.

An export has `records.ndjson` (one canonical record per line), `checkpoints.ndjson` (one note per
line), `end.note` (where it ends, signed), `ledger.pub`, `index.html` (a page to read) and a README.
Reading one trusts nothing in it: it may have been changed, cut or made by anybody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from cds_hooks.audit.ledger import canonical_json
from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.audit.ledger.record import Record
from cds_hooks.private_files import make_folder

__all__ = ["MAX_RECORD_BYTES", "Export", "parse_record", "write_export"]

MAX_RECORD_BYTES = 4 * 1024 * 1024
_MAX_NOTE_BYTES = 64 * 1024
_RECORDS, _NOTES, _KEY, _README = "records.ndjson", "checkpoints.ndjson", "ledger.pub", "README.txt"
_END = "end.note"


@dataclass(frozen=True, slots=True)
class Export:
    """The folder of an export."""

    folder: Path

    def __post_init__(self) -> None:
        if not (self.folder / _RECORDS).is_file():
            hint = "Give the folder that `chartside audit export` wrote."
            raise ExportUnreadable(f"there is no {_RECORDS}", where=str(self.folder), hint=hint)

    @property
    def total_bytes(self) -> int:
        """The size of the records, for a progress bar."""
        return (self.folder / _RECORDS).stat().st_size

    def lines(self) -> Iterator[bytes]:
        """The records as bytes, in the order of the file."""
        return _lines(self.folder / _RECORDS, MAX_RECORD_BYTES)

    def notes(self) -> Iterator[str]:
        """The checkpoints as notes. Raises ExportUnreadable for a line without one."""
        place = self.folder / _NOTES
        if not place.exists():
            return
        for number, line in enumerate(_lines(place, _MAX_NOTE_BYTES), 1):
            read = canonical_json.read(line)
            note = read.get("note") if read else None
            if not isinstance(note, str):
                raise ExportUnreadable("a line is no checkpoint", where=f"{_NOTES}:{number}")
            yield note

    def end(self) -> str:
        """The statement of where it ends; empty when it has none. Raises ExportUnreadable."""
        place = self.folder / _END
        if not place.exists():
            return ""
        try:
            with place.open("rb") as file:
                return file.read(_MAX_NOTE_BYTES).decode("utf-8", "replace")
        except OSError as error:
            message = f"the export cannot be read ({error.strerror})"
            raise ExportUnreadable(message, where=str(place)) from None

    @property
    def key(self) -> Path:
        """The public key in the export: only to be compared with the one that the site gave."""
        return self.folder / _KEY


def parse_record(data: bytes) -> Record | None:
    """The record in these bytes; None when they are not a record in canonical form."""
    fields = canonical_json.read(data)
    if fields is None:
        return None
    seq, before = fields.get("seq"), fields.get("prev_hash")
    if not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(before, str):
        return None
    return Record(seq, before, fields, data)


def write_export(
    folder: Path,
    records: Iterable[bytes],
    notes: Iterable[str],
    public_key: str,
    end: str = "",
) -> int:
    """Write an export into a new or empty folder; returns the number of records.

    `end` is the signed statement of its last checkpoint, if it can be made.

    Only its owner may read it: keyed hashes still tell who was seen how often. Raises
    ExportUnreadable when the folder is not empty.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        hint = "Give a folder that is empty or not there yet."
        raise ExportUnreadable("the folder is not empty", where=str(folder), hint=hint)
    count = _write_lines(folder / _RECORDS, records)
    _write_lines(folder / _NOTES, (canonical_json.encode({"note": note}) for note in notes))
    if end:
        _write_lines(folder / _END, [end.removesuffix("\n").encode()])
    _write_lines(folder / _KEY, [public_key.encode()])
    readme = files("cds_hooks.audit.ledger").joinpath("export_readme.txt").read_bytes()
    _write_lines(folder / _README, [readme.rstrip()])
    return count


def _lines(place: Path, most: int) -> Iterator[bytes]:
    try:
        with place.open("rb") as file:
            while line := file.readline(most + 2):
                if len(line) > most + 1:
                    raise ExportUnreadable("a line is too long", where=place.name)
                yield line.removesuffix(b"\n")
    except OSError as error:
        message = f"the export cannot be read ({error.strerror})"
        raise ExportUnreadable(message, where=str(place)) from None


def _write_lines(place: Path, lines: Iterable[bytes]) -> int:
    count = 0
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count
