"""`chartside export feedback`: what users said of cards, for all consultations at once."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import orjson
import typer

from cds_hooks.audit import Store
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.feedback_export import all_feedback
from cds_hooks.audit.store_config import open_database
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.cli.export_facts import has_store
from cds_hooks.cli.export_output import NotExported, ToOption, made_now, new_file
from cds_hooks.cli.stored_consultation import ReasonOption, require_reason
from cds_hooks.documents.feedback_rows import COLUMNS, SOURCE, csv_cells, feedback_row
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["feedback"]

_FORMATS = ("csv", "json")
Rows = Iterator[dict[str, str]]


def feedback(
    format_: Annotated[str, typer.Option("--format", help="csv or json; else by --to.")] = "",
    to: ToOption = None,
    reason: ReasonOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write all feedback in the columns of 45 CFR 170.315(b)(11)(ii)(C), one row an entry.

    Intervention, action taken, user feedback, user, date, location, and where each is from. It may
    hold clinicians' own words, and so patient content: the ledger records first that it was
    exported. May be done while the service runs.
    """
    settings = load_settings(config)
    chosen = _chosen(format_, to, json=json)
    require_reason(reason)
    if not has_store(settings):
        raise NotExported("there is no store yet", where=settings.store.path)
    with new_file(to) as file:
        asyncio.run(_record(settings, reason))
        with _rows(settings) as rows:
            count = _write_csv(rows, file) if chosen == "csv" else _write_json(rows, file)
    if to is not None:
        result = {"file": str(to), "format": chosen, "entries": count, "columns": list(COLUMNS)}
        print_result(result, f"{count} entries in {to}", json=json)


def _chosen(format_: str, to: Path | None, *, json: bool) -> str:
    ending = to.suffix.removeprefix(".") if to else ""
    chosen = format_ or (ending if ending in _FORMATS else "json" if json and not to else "csv")
    if chosen not in _FORMATS:
        hint = f"One of: {', '.join(_FORMATS)}."
        raise NotExported("there is no such format", where="--format", hint=hint)
    return chosen


async def _record(settings: Settings, reason: str) -> None:
    """A ledger record of who exports, before anything is read."""
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        told = {"reason": reason} if reason else {}
        await store.record_event(
            "feedback-exported", command="export feedback", **told, **user_fields(settings)
        )
    finally:
        await store.close()


@contextmanager
def _rows(settings: Settings) -> Iterator[Rows]:
    key = site_key(settings)
    database = open_database(store_config(settings), key, time.time)
    try:
        with database.read() as connection:
            found = all_feedback(connection, key, PayloadCipher(key))
            yield (feedback_row(each) for each in found)
    finally:
        database.close()


def _write_csv(rows: Rows, file: TextIO) -> int:
    writer, count = csv.writer(file, lineterminator="\n"), 0
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(csv_cells(row))
        count += 1
    return count


def _write_json(rows: Rows, file: TextIO) -> int:
    """One object, written as it is read: a store may be larger than memory."""
    made_at, version = made_now()
    head: dict[str, Any] = {
        "document": "feedback",
        "made_at": made_at,
        "service_version": version,
        "source": SOURCE.text,
        "columns": dict(COLUMNS),
    }
    file.write(orjson.dumps(head).decode().removesuffix("}") + ',"entries":[')
    count = 0
    for row in rows:
        file.write("\n" if not count else ",\n")
        file.write(orjson.dumps(row).decode())
        count += 1
    file.write("\n]}\n")
    file.flush()
    return count
