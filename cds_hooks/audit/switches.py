"""Services that are switched off and on while they run: kept in the store, each change recorded.

A change and its ledger record are one transaction, so nothing is switched that is not on record.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger.enrichment import with_plain_user
from cds_hooks.audit.ledger.entries import not_answered_entry, user_ref
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.ledger_store import LedgerStore
from cds_hooks.audit.reasons import masked_reason
from cds_hooks.audit.recorded_switches import (
    ALL_SERVICES,
    RecordedSwitches,
    SwitchedOff,
    recorded_off,
)
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.consultation import RecordedCall
from cds_hooks.errors import ChartsideError
from prompts import visible

__all__ = [
    "ALL_SERVICES",
    "SHORTEST_REASON",
    "ReasonMissing",
    "SwitchChange",
    "SwitchStore",
    "SwitchedOff",
    "apply_change",
    "make_change",
    "referring",
    "switched_off",
]

SHORTEST_REASON = 3

Refer = Callable[[str], str]
"""From a user to what a record names them by."""

_LONGEST_NAME = 80
_YEAR_10000_S = 253_402_300_800


class ReasonMissing(ChartsideError):
    """Nothing is switched without a reason and a person."""

    code = "reason-missing"
    status = 400
    issue = "required"

    def __init__(self) -> None:
        hint = f"Give a reason of at least {SHORTEST_REASON} characters, without naming a patient."
        super().__init__("nothing is switched without a reason", where="reason", hint=hint)


@dataclass(frozen=True, slots=True)
class SwitchChange:
    """A change to make: off with `row`, or back on.

    `user` makes it, typed in by `entered_by` where that is somebody else; `details` go into its
    record as they are.
    """

    row: SwitchedOff
    off: bool
    user: str
    entered_by: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def entry(self, refer: Refer, ends: SwitchedOff | None = None) -> Entry:
        """Its ledger record; `ends` is the switch that it ends."""
        told = {**self.details, "event_id": self.row.event_id, "reason": self.row.reason}
        told |= {"all": True} if self.row.scope == ALL_SERVICES else {"service_id": self.row.scope}
        told["user_ref"] = refer(self.user)
        told |= {"entered_by": refer(self.entered_by)} if self.entered_by else {}
        told |= {"ends": ends.event_id} if ends else {}
        return Entry.of("service-switched-off" if self.off else "service-switched-on", told)


def make_change(
    scope: str,
    reason: str,
    *,
    off: bool,
    now: float,
    user: str,
    name: str = "",
    entered_by: str = "",
    details: Mapping[str, Any] | None = None,
) -> SwitchChange:
    """A change with its reason masked; `name` is what colleagues know `user` by.

    Raises ReasonMissing.
    """
    by = visible(name or user).strip()[:_LONGEST_NAME]
    row = SwitchedOff(scope, masked_reason(reason, now), by, now, str(uuid.uuid4()))
    if len(row.reason) < SHORTEST_REASON or not row.by:
        raise ReasonMissing
    return SwitchChange(row, off, user, entered_by, details or {})


def referring(key: SiteKey, *, plain: bool) -> Refer:
    """How records name a user: by a keyed hash, or in clear where the site wants that."""
    return (lambda user: user) if plain else (lambda user: user_ref(key, user))


def switched_off(
    connection: Connection,
    recorded: Callable[[Connection], Mapping[str, SwitchedOff]] = recorded_off,
) -> tuple[SwitchedOff, ...]:
    """Everything that is off, the longest first; what was taken out of the table, too."""
    off = {**recorded(connection), **_rows(connection)}
    return tuple(sorted(off.values(), key=lambda each: (each.since, each.scope)))


def _rows(connection: Connection) -> dict[str, SwitchedOff]:
    return {
        row.scope: SwitchedOff(
            row.scope, str(row.reason), str(row.changed_by), _moment(row.since), str(row.event_id)
        )
        for row in connection.execute(select(tables.switched_off))
    }


def apply_change(connection: Connection, change: SwitchChange, refer: Refer) -> Entry | None:
    """Make a change; its record to append, or None when it was so already."""
    return (_put_off if change.off else _put_on)(connection, change, refer)


def _put_off(connection: Connection, change: SwitchChange, refer: Refer) -> Entry | None:
    row, table = change.row, tables.switched_off
    values = {
        "scope": row.scope,
        "reason": row.reason,
        "changed_by": row.by,
        "since": row.since,
        "event_id": row.event_id,
    }
    made = connection.execute(
        insert_on_conflict(connection, table)
        .values(values)
        .on_conflict_do_nothing(index_elements=["scope"])
        .returning(table.c.scope)
    )
    return change.entry(refer) if made.first() else None


def _put_on(connection: Connection, change: SwitchChange, refer: Refer) -> Entry | None:
    table, scope = tables.switched_off, change.row.scope
    before = next((each for each in switched_off(connection) if each.scope == scope), None)
    if before is None:
        return None
    connection.execute(delete(table).where(table.c.scope == scope))
    return change.entry(refer, before)


def _moment(found: object) -> float:
    """UTC seconds; 0 for what is no time: anybody may have written it, and it must not keep an
    administrator from switching."""
    if not isinstance(found, int | float) or not 0 <= found < _YEAR_10000_S:
        return 0.0
    return float(found)


class SwitchStore:
    """The switches of a running service. Every method raises StoreUnavailable."""

    def __init__(
        self,
        transactions: TransactionExecutor,
        ledger: LedgerStore,
        key: SiteKey,
        *,
        plain: bool,
    ) -> None:
        self._transactions = transactions
        self._ledger = ledger
        self._key = key
        self._plain = plain
        self._recorded = RecordedSwitches()

    async def switched_off(self) -> tuple[SwitchedOff, ...]:
        """Everything that is off now; waits for no other reader."""
        return await self._transactions.read_separately(
            lambda connection: switched_off(connection, self._recorded)
        )

    async def change(self, change: SwitchChange) -> bool:
        """Make a change, durably with its record; False when it was so already."""
        refer = referring(self._key, plain=self._plain)
        made = await self._transactions.write(
            lambda connection: apply_change(connection, change, refer),
            lambda entry: self._ledger.prepare(entry) if entry else (),
        )
        return made is not None

    async def not_answered(self, service: str, event: str, call: RecordedCall) -> None:
        """Record a hook of a service that is off; `event` is the id of the record of the switch."""
        call = with_plain_user(call) if self._plain else call
        entry = not_answered_entry(service, event, call, self._key)
        prepared = self._ledger.prepare(entry)
        await self._transactions.write(lambda _: None, lambda _: prepared)
