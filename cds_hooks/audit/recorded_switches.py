"""What the ledger says is switched off.

The table of switches is in clear, and no key is needed to take a row out of it. Each switch is a
record of the ledger too, and the ledger is signed: so what it says is off stays off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from cds_hooks.audit import tables
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record import Record

__all__ = ["ALL_SERVICES", "RecordedSwitches", "SwitchedOff", "recorded_off"]

ALL_SERVICES = "*"
"""The scope that stands for every service, those too that a later version adds."""

_OFF, _ON = "service-switched-off", "service-switched-on"
_column = tables.ledger.c


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """What is off: `scope` is a service's id or `*`; `reason` is masked, `by` who said so, `since`
    UTC seconds, `event_id` the ledger record's. `taken_out`: only the ledger has it still."""

    scope: str
    reason: str
    by: str
    since: float
    event_id: str
    taken_out: bool = False


class RecordedSwitches:
    """`recorded_off`, read again only when there are other records. For one thread."""

    def __init__(self) -> None:
        self._newest: tuple[int | None, ...] | None = None
        self._off: dict[str, SwitchedOff] = {}

    def __call__(self, connection: Connection) -> Mapping[str, SwitchedOff]:
        newest = tuple(_newest(connection, each) for each in (_OFF, _ON))
        if newest != self._newest:
            self._newest, self._off = newest, recorded_off(connection)
        return self._off


def recorded_off(connection: Connection) -> dict[str, SwitchedOff]:
    """What is off by the records of the ledger, by scope."""
    query = select(_column.record).where(_column.type.in_((_OFF, _ON))).order_by(_column.seq)
    off: dict[str, SwitchedOff] = {}
    for data in connection.execute(query).scalars():
        record = parse_record(data) if isinstance(data, bytes) else None
        if record is None:  # verification tells of it
            continue
        found = _switch(record)
        if record.type == _OFF:
            off[found.scope] = found
        else:
            off.pop(found.scope, None)
    return off


def _newest(connection: Connection, type_: str) -> int | None:
    return connection.execute(select(func.max(_column.seq)).where(_column.type == type_)).scalar()


def _switch(record: Record) -> SwitchedOff:
    told = record.fields.get("details")
    details: Mapping[str, Any] = told if isinstance(told, dict) else {}
    scope = ALL_SERVICES if details.get("all") else record.text("service_id")
    reason = str(details.get("reason", ""))
    event, since = record.text("event_id"), _seconds(record.recorded)
    return SwitchedOff(scope, reason, record.text("user_ref"), since, event, taken_out=True)


def _seconds(recorded: str) -> float:
    try:
        return datetime.fromisoformat(recorded).timestamp()
    except (ValueError, OverflowError):
        return 0.0
