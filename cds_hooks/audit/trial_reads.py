"""What the ledger says of the hooks of a period: how many there were, and of which encounters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cds_hooks.audit import tables
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.export import parse_record

__all__ = ["RecordedHooks", "recorded_hooks"]

_ANSWERED = ("hook-answered", "silent-hook-answered")
_OF_CONSULTATIONS = (*_ANSWERED, "consulted", "silent-consulted")


@dataclass(frozen=True, slots=True)
class RecordedHooks:
    """`by_service` counts hooks that were answered, with cards or silently; `encounters` has the
    keyed hash of the encounter by consultation, as its first record that names one tells it."""

    by_service: Mapping[str, int]
    encounters: Mapping[str, str]


def recorded_hooks(
    connection: Connection, since: float, until: float, without: Collection[str] = ()
) -> RecordedHooks:
    """The hooks recorded from `since` up to before `until` (UTC seconds), but those of the issuers
    `without`: the service's own pages."""
    column = tables.ledger.c
    query = (
        select(column.record)
        .where(column.type.in_(_OF_CONSULTATIONS))
        .where(column.recorded >= format_utc(since), column.recorded < format_utc(until))
        .order_by(column.seq)
    )
    answered, encounters = Counter[str](), dict[str, str]()
    for data in connection.execute(query).scalars():
        record = parse_record(data)
        # A record that cannot be read is what verification tells of.
        if record is None or record.text("client_iss") in without:
            continue
        if record.type in _ANSWERED:
            answered[record.text("service_id")] += 1
        if encounter := record.text("encounter_pseudonym"):
            encounters.setdefault(record.text("consultation"), encounter)
    return RecordedHooks(dict(answered), encounters)
