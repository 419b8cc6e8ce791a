"""Services that are switched off and on while they run: kept in the store, each change recorded.

A change and its ledger record are one transaction, so nothing is switched that is not on record.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, delete, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger.enrichment import with_pseudonyms
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.ledger_store import LedgerStore
from cds_hooks.audit.reasons import masked_reason
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.errors import ChartsideError

__all__ = [
    "ALL_SERVICES",
    "SHORTEST_REASON",
    "ReasonMissing",
    "SwitchChange",
    "SwitchStore",
    "SwitchedOff",
    "apply_change",
    "make_change",
    "pseudonymous",
    "switched_off",
]

ALL_SERVICES = "*"
"""The scope that stands for every service, those too that a later version adds."""

SHORTEST_REASON = 3
_LONGEST_NAME = 80


class ReasonMissing(ChartsideError):
    """Nothing is switched without a reason and a person."""

    code = "reason-missing"
    status = 400
    issue = "required"

    def __init__(self) -> None:
        hint = f"Give a reason of at least {SHORTEST_REASON} characters, without naming a patient."
        super().__init__("nothing is switched without a reason", where="reason", hint=hint)


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """What is off: `scope` is a service's id or `*`; `reason` is masked, `by` who said so, `since`
    UTC seconds, `event_id` the ledger record's."""

    scope: str
    reason: str
    by: str
    since: float
    event_id: str


@dataclass(frozen=True, slots=True)
class SwitchChange:
    """A change to make: off with `row`, or back on. `fields` go into its record."""

    row: SwitchedOff
    off: bool
    fields: Mapping[str, Any] = field(default_factory=dict)

    def entry(self, before: SwitchedOff | None) -> Entry:
        """Its ledger record; `before` is what it ends."""
        scope = self.row.scope
        details: dict[str, Any] = {**self.fields, "reason": self.row.reason}
        details |= {"all": True} if scope == ALL_SERVICES else {"service_id": scope}
        details |= {"ends": before.event_id} if before else {}
        kind = "service-switched-off" if self.off else "service-switched-on"
        return Entry.of(kind, {**details, "event_id": self.row.event_id})


def make_change(
    scope: str, reason: str, *, off: bool, by: str, now: float, who: Mapping[str, Any]
) -> SwitchChange:
    """A change with its reason masked; `who` are fields of its record that say who makes it.

    Raises ReasonMissing.
    """
    row = SwitchedOff(scope, masked_reason(reason, now), by[:_LONGEST_NAME], now, str(uuid.uuid4()))
    if len(row.reason) < SHORTEST_REASON or not row.by:
        raise ReasonMissing
    return SwitchChange(row, off, who)


def switched_off(connection: Connection) -> tuple[SwitchedOff, ...]:
    """Everything that is off, the longest first."""
    table = tables.switched_off
    rows = connection.execute(select(table).order_by(table.c.since, table.c.scope))
    return tuple(
        SwitchedOff(row.scope, row.reason, row.changed_by, row.since, row.event_id) for row in rows
    )


def pseudonymous(change: SwitchChange, key: SiteKey) -> SwitchChange:
    """The change with a keyed hash in place of a `user_id` in its record."""
    return replace(change, fields=with_pseudonyms(change.fields, key))


def apply_change(connection: Connection, change: SwitchChange) -> Entry | None:
    """Make a change; its record to append, or None when it was so already."""
    return _put_off(connection, change) if change.off else _put_on(connection, change)


def _put_off(connection: Connection, change: SwitchChange) -> Entry | None:
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
    return change.entry(None) if made.first() else None


def _put_on(connection: Connection, change: SwitchChange) -> Entry | None:
    table, scope = tables.switched_off, change.row.scope
    before = next((each for each in switched_off(connection) if each.scope == scope), None)
    if before is None:
        return None
    connection.execute(delete(table).where(table.c.scope == scope))
    return change.entry(before)


class SwitchStore:
    """The switches of a running service. Every method raises StoreUnavailable."""

    def __init__(
        self, transactions: TransactionExecutor, ledger: LedgerStore, key: SiteKey
    ) -> None:
        self._transactions = transactions
        self._ledger = ledger
        self._key = key

    async def switched_off(self) -> tuple[SwitchedOff, ...]:
        """Everything that is off now; waits for no other reader."""
        return await self._transactions.read_apart(switched_off)

    async def change(self, change: SwitchChange) -> bool:
        """Make a change, durably with its record; False when it was so already."""
        change = pseudonymous(change, self._key)
        made = await self._transactions.write(
            lambda connection: apply_change(connection, change),
            lambda entry: self._ledger.prepare(entry) if entry else (),
        )
        return made is not None

