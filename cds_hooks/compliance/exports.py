"""Ledger records as lines of FHIR JSON, each validated as R4B before it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from cds_hooks.compliance.audit_events import Site, audit_events
from cds_hooks.compliance.provenance import provenance
from cds_hooks.errors import ChartsideError

__all__ = ["FORMATS", "ExportInvalid", "export_lines"]

Fields = Mapping[str, Any]

_REMEMBERED = 10_000
_MADE_OF = (
    *("model_id", "gguf_sha256", "engine", "template_id", "template_sha256", "prompt_hmac"),
    *("prefetch_state", "resource_refs_hmac", "config_sha256"),
)


class ExportInvalid(ChartsideError):
    """A record that cannot be told as a valid FHIR resource; `where` is its place in the ledger."""

    code = "export-invalid"
    status = 500


FORMATS: Mapping[str, Callable[[Fields, Site], Iterator[dict[str, Any]]]] = {
    "auditevents": audit_events,
    "provenance": provenance,
}
"""What an export can be made of, by the name of its format."""


def export_lines(records: Iterable[Fields], format_: str, site: Site) -> Iterator[bytes]:
    """NDJSON, one resource a line with its line feed, in the order of the records.

    Raises ExportInvalid, which names the record and the element, and KeyError for another format.
    """
    make = FORMATS[format_]
    for number, record in enumerate(_joined(records)):
        seq = record.get("seq")
        where = f"record {seq if isinstance(seq, int) else number}"
        try:
            for resource in make(record, site):
                _require_valid(resource, where)
                yield orjson.dumps(resource) + b"\n"
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ExportInvalid(
                f"a record has not the fields that it should have ({type(error).__name__})",
                where=where,
            ) from None


def _joined(records: Iterable[Fields]) -> Iterator[Fields]:
    """Each record; one of a hook that was shown an answer on record with what that rests on.

    Of an answer made longer ago than `_REMEMBERED` others only its own record tells the model.
    """
    made: dict[str, Fields] = {}
    for record in records:
        consultation = str(record.get("consultation", ""))
        if record.get("model_id"):
            made[consultation] = {name: record[name] for name in _MADE_OF if name in record}
            if len(made) > _REMEMBERED:
                del made[next(iter(made))]
            yield record
        else:
            yield {**made.get(consultation, {}), **record}


def _require_valid(resource: Mapping[str, Any], where: str) -> None:
    # Half a second to load, and only an export needs it.
    from fhir.resources.R4B.auditevent import AuditEvent
    from fhir.resources.R4B.provenance import Provenance

    models = {"AuditEvent": AuditEvent, "Provenance": Provenance}
    try:
        models[resource["resourceType"]].model_validate(resource)
    except ValidationError as error:
        paths = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
        raise ExportInvalid(f"not valid at {', '.join(paths[:5])}", where=where) from None
