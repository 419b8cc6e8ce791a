"""A search of the ledger: recorded, then made, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cds_hooks.audit.ledger.query import ALSO, LedgerQuery
from cds_hooks.audit.ledger.record import Record
from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.desk.terms import Terms
from cds_hooks.console.reader import Reader
from prompts import visible

__all__ = ["FoundRecords", "RecordRow", "asked_for", "found_records", "record_search", "rows_of"]

PAGE = 25
# So many records are looked at for one page: a step of them in one read of the store, short enough
# for hooks that wait behind it.
_STEP, _STEPS = 1_000, 100
_SAID = frozenset({"said", "entries_agreed", "entries_disagreed"})
_OPENED = frozenset({"hook-answered", "consulted", "consultation-read", "consultation-opened"})


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record as the page tells it; `opens` is the consultation whose page it leads to."""

    seq: int
    utc: str
    local: str
    type: str
    about: str
    client: str
    user: str
    patient: str
    outcome: str
    cards: int
    opens: str
    fields: str


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """The newest first. `below` is where the next page goes on, None where there is no more."""

    records: tuple[Record, ...]
    below: int | None


async def record_search(desk: Desk, reader: Reader, terms: Terms) -> None:
    """Put on record who searches, by keyed hashes of what. Raises StoreUnavailable."""
    await desk.recording.happened("ledger-searched", reader, **asked_for(desk, terms))


def asked_for(desk: Desk, terms: Terms) -> dict[str, str | list[str]]:
    """What a record says of a search. Whoever asks later who looked for a patient asks by any of
    the pseudonyms."""
    hashed, (first, *others) = terms.hashed(desk.ledger.digest), terms.pseudonyms.split() or [""]
    told: dict[str, str | list[str]] = {"terms": hashed, "patient_pseudonym": first, ALSO: others}
    return {name: value for name, value in told.items() if value}


async def found_records(desk: Desk, query: LedgerQuery, below: int | None) -> FoundRecords:
    """One page of what matches, below a record."""
    found: list[Record] = []
    for _ in range(_STEPS):
        async with desk.searching:
            most = PAGE - len(found)
            step = await desk.ledger.search(query, below=below, most=most, look_at=_STEP)
        found += step.records
        below = step.below
        if below == 0 or len(found) >= PAGE:
            break
    return FoundRecords(tuple(found), below or None)


def rows_of(records: tuple[Record, ...]) -> tuple[RecordRow, ...]:
    """The rows of the page. What a record says is shown as text, whatever stands in it."""
    return tuple(_row(each) for each in records)


def _row(record: Record) -> RecordRow:
    cards = record.fields.get("cards", [])
    utc, local = _times(record.recorded)
    return RecordRow(
        seq=record.seq,
        utc=utc,
        local=local,
        type=visible(record.type),
        about=visible(record.text("hook") or record.text("service_id")),
        client=visible(record.text("client_iss")),
        user=visible(record.text("user_ref")),
        patient=visible(record.text("patient_pseudonym")),
        outcome=visible(" ".join(filter(None, map(record.text, ("outcome", "reason_code"))))),
        cards=len(cards) if isinstance(cards, list) else 0,
        opens=record.text("consultation") if record.type in _OPENED else "",
        fields=_json(_shown(record)),
    )


def _times(recorded: str) -> tuple[str, str]:
    """UTC and this machine's local time; what is no time stands as it is."""
    try:
        when = datetime.fromisoformat(recorded)
        utc, local = when.astimezone(UTC), when.astimezone()
    except (ValueError, OverflowError):
        return visible(recorded), ""
    return f"{utc:%Y-%m-%d %H:%M:%S}", f"{local:%Y-%m-%d %H:%M:%S %Z}"


def _shown(record: Record) -> Mapping[str, Any]:
    """What one reviewer said is shown to another on the consultation's page, not before."""
    told = record.fields.get("details")
    if record.type != "review-answered" or not isinstance(told, dict):
        return record.fields
    return {**record.fields, "details": {k: v for k, v in told.items() if k not in _SAID}}


def _json(fields: Mapping[str, Any]) -> str:
    """Everything in it is seen: what is not ASCII stands as its escape."""
    return json.dumps(fields, indent=2)
