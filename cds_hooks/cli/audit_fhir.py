"""Writes a ledger as FHIR: one resource per line, nothing kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.compliance.audit_events import Site
from cds_hooks.compliance.exports import FORMATS, export_lines
from cds_hooks.settings import Settings, SettingsError

__all__ = ["FORMATS", "write_fhir"]

_HINT = "One of: ledger, " + ", ".join(sorted(FORMATS)) + "."


def write_fhir(
    folder: Path, records: Iterable[bytes], format_: str, settings: Settings
) -> tuple[Path, int]:
    """Write `folder/{format_}.ndjson`, readable by its owner alone.

    Returns the file and its number of lines. Raises ExportUnreadable for an unknown format and for
    a file that is there already, ExportInvalid for a record that cannot be expressed, SettingsError
    without `server.public_url`.
    """
    if format_ not in FORMATS:
        raise ExportUnreadable("there is no such format", where="--format", hint=_HINT)
    site = _site(settings)
    place = folder / f"{format_}.ndjson"
    if place.exists():
        raise ExportUnreadable("there is such an export already", where=str(place))
    folder.mkdir(parents=True, exist_ok=True)
    place.touch(mode=0o600)
    count = 0
    with place.open("wb") as file:
        for line in export_lines(_fields(records), format_, site):
            file.write(line)
            count += 1
    return place, count


def _site(settings: Settings) -> Site:
    """The service that the identifiers are of: an address of this machine names no site."""
    if not settings.server.public_url:
        hint = (
            "Give --config with the settings of the service that wrote the ledger, and set "
            "server.public_url there (CHARTSIDE_SERVER__PUBLIC_URL): identifiers name it."
        )
        message = "no public address is set to name identifiers after"
        raise SettingsError(message, where="server.public_url", hint=hint)
    return Site(settings.server.public_url.rstrip("/"))


def _fields(records: Iterable[bytes]) -> Iterator[dict[str, object]]:
    for number, data in enumerate(records):
        try:
            yield dict(orjson.loads(data))
        except (orjson.JSONDecodeError, TypeError, ValueError):
            where = f"record {number}"
            raise ExportUnreadable("a record is not JSON", where=where) from None
