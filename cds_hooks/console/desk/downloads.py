"""Downloads of the desk: what a search found, and the whole ledger to verify elsewhere.

Each is a file before its first byte is sent, so that its digest and its size are on record, and
what cannot be made is told as an error and not as half a file.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from starlette.responses import Response, StreamingResponse

from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.query import LedgerQuery, matching
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.ledger.taking_export import take_export
from cds_hooks.compliance.exports import export_lines
from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.desk.desk_errors import DeskBusy, SearchRefused
from cds_hooks.console.desk.searching import asked_for
from cds_hooks.console.desk.terms import Terms
from cds_hooks.console.reader import Reader
from prompts import visible

__all__ = ["FORMATS", "Downloads"]

_AT_ONCE = 1
_CHUNK = 256 * 1024
_TEXTS = ("seq", "recorded", "type", "service_id", "hook", "client_iss", "tenant", "user_ref",
          "patient_pseudonym", "encounter_pseudonym", "consultation", "outcome", "reason_code",
          "model_id", "gguf_sha256", "template_id", "template_sha256", "config_sha256")  # fmt: skip
# What a spreadsheet would take for a formula (OWASP, CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class _Made:
    """A file to send, in a folder that goes when it is sent."""

    folder: Path
    name: str
    media_type: str
    records: int

    @property
    def place(self) -> Path:
        return self.folder / self.name

    def digest(self) -> str:
        """Its SHA-256 in hexadecimal."""
        with self.place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


Write = Callable[[Path, Iterator[Record], Desk], int]


class Downloads:
    """Makes them, one at a time: each reads the whole ledger."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.time) -> None:
        self._desk = desk
        self._clock = clock
        self._making = 0

    async def found(self, reader: Reader, terms: Terms, format_: str) -> Response:
        """What a search finds, the oldest first, as `csv`, `json` or `auditevents`.

        Raises SearchRefused, DeskBusy, StoreUnavailable, ExportInvalid.
        """
        if format_ not in FORMATS:
            raise SearchRefused("there is no such format", where="format", hint=", ".join(FORMATS))
        if format_ == "auditevents" and self._desk.audit_site is None:
            hint = "Set server.public_url: identifiers of FHIR are named after it."
            raise SearchRefused("this service has no public address", where="format", hint=hint)
        query, form = terms.query(self._desk), FORMATS[format_]
        made = await self._made(lambda folder: self._write_found(folder, query, form))
        return await self._sent(made, reader, format_, asked_for(self._desk, terms))

    async def ledger(self, reader: Reader) -> Response:
        """The ledger's export as `audit export` writes it, in one ZIP file."""
        made = await self._made(self._write_ledger)
        return await self._sent(made, reader, "ledger", {})

    async def _made(self, make: Callable[[Path], _Made]) -> _Made:
        if self._making >= _AT_ONCE:
            raise DeskBusy
        self._making += 1
        folder = Path(tempfile.mkdtemp(prefix="chartside-", dir=self._desk.temporary))
        try:
            return await asyncio.to_thread(make, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._making -= 1

    async def _sent(
        self, made: _Made, reader: Reader, format_: str, asked: Mapping[str, str | list[str]]
    ) -> Response:
        """The file, once it is on record who takes it."""
        try:
            details: dict[str, str | list[str]] = {
                "format": format_,
                "records": str(made.records),
                "sha256": await asyncio.to_thread(made.digest),
                **asked,
            }
            await self._desk.recording.happened("ledger-exported", reader, **details)
        except BaseException:
            shutil.rmtree(made.folder, ignore_errors=True)
            raise
        return _response(made)

    def _write_found(self, folder: Path, query: LedgerQuery, form: _Format) -> _Made:
        name = f"ledger-records-{_day(self._clock())}.{form.suffix}"
        with self._desk.open_source() as source:
            count = form.write(folder / name, matching(source.records(), query), self._desk)
        return _Made(folder, name, form.media_type, count)

    def _write_ledger(self, folder: Path) -> _Made:
        now, desk = self._clock(), self._desk
        inside = f"chartside-ledger-{_day(now)}"
        with desk.open_source() as source:
            taken = take_export(folder / inside, source, desk.key, desk.keys, format_utc(now))
        name = f"{inside}.zip"
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in sorted((folder / inside).iterdir()):
                archive.write(each, f"{inside}/{each.name}")
        shutil.rmtree(folder / inside)
        return _Made(folder, name, "application/zip", taken.records)


def _response(made: _Made) -> Response:
    """The file's content; its folder is gone by then, whoever stops listening."""
    file = made.place.open("rb")
    headers = {
        "Content-Disposition": f'attachment; filename="{made.name}"',
        "Content-Length": str(made.place.stat().st_size),
    }
    shutil.rmtree(made.folder, ignore_errors=True)
    return StreamingResponse(_chunks(file), media_type=made.media_type, headers=headers)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _day(seconds: float) -> str:
    return format_utc(seconds)[:10]


def _write_csv(place: Path, records: Iterator[Record], _: Desk) -> int:
    count = 0
    with place.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow((*_TEXTS, "cards"))
        for record in records:
            rows.writerow([*(_cell(record.fields.get(each, "")) for each in _TEXTS),
                           _length(record.fields.get("cards", ()))])  # fmt: skip
            count += 1
    return count


def _length(cards: Any) -> int:
    return len(cards) if isinstance(cards, list) else 0


def _cell(value: Any) -> str:
    text = visible(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write_json(place: Path, records: Iterator[Record], _: Desk) -> int:
    """One record a line, as the ledger has its bytes."""
    with place.open("wb") as file:
        file.write(b'{"format": "chartside-ledger-search/1", "records": [')
        count = _write_lines(file.write, (record.data for record in records))
        file.write(b"\n]}\n")
    return count


def _write_lines(write: Callable[[bytes], Any], lines: Iterable[bytes]) -> int:
    count = 0
    for line in lines:
        write((b",\n" if count else b"\n") + line)
        count += 1
    return count


def _write_events(place: Path, records: Iterator[Record], desk: Desk) -> int:
    assert desk.audit_site is not None  # noqa: S101 - asked before
    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for record in records:
            count += 1
            yield dict(orjson.loads(record.data))

    with place.open("wb") as file:
        file.writelines(export_lines(counted(), "auditevents", desk.audit_site))
    return count


@dataclass(frozen=True, slots=True)
class _Format:
    suffix: str
    media_type: str
    write: Write


FORMATS = {
    "csv": _Format("csv", "text/csv; charset=utf-8", _write_csv),
    "json": _Format("json", "application/json", _write_json),
    "auditevents": _Format("ndjson", "application/fhir+ndjson", _write_events),
}
"""What a search's result can be taken as."""
