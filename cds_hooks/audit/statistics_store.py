"""The statistics' part of the store: what is not counted yet, and the counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from cds_hooks.audit import day_counts
from cds_hooks.audit.day_counts import Counts, Position
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.audit.uncounted import UncountedRecords, read_uncounted, total_uncounted

__all__ = ["StatisticsStore"]


@dataclass(frozen=True, slots=True)
class _Batch:
    after: Position
    records: int
    feedback: tuple[str, ...]
    counts: Counts


class StatisticsStore:
    """Counts what was recorded, a few records at a time. Every method raises StoreUnavailable."""

    def __init__(self, transactions: TransactionExecutor, cipher: PayloadCipher) -> None:
        self._transactions = transactions
        self._cipher = cipher

    async def advance(self, count: Callable[[UncountedRecords], Counts], most: int) -> int | None:
        """Count at most `most` ledger records and entries of feedback; how many that were.

        Reading and counting hold no lock; what was counted is added in one transaction, and only
        if no other process was faster: then None. 0 when nothing was left.
        """
        batch = await self._transactions.read(
            lambda connection: self._counted(connection, count, most)
        )
        read = batch.records + len(batch.feedback)
        if not read:
            return 0
        added = await self._transactions.write(
            lambda connection: day_counts.add(
                connection,
                batch.counts,
                after=batch.after,
                records=batch.records,
                feedback=batch.feedback,
                cipher=self._cipher,
            )
        )
        return read if added else None

    async def left(self) -> int:
        """How many ledger records and entries of feedback are not counted yet."""
        return await self._transactions.read(total_uncounted)

    async def position(self) -> Position:
        """How far was counted: while it is the same, so are the counts."""
        return await self._transactions.read(day_counts.position)

    async def days(self, first: str, last: str) -> Counts:
        """The counts of the days from `first` to `last` (`2026-11-29`). Raises RecordUnreadable."""
        return await self._transactions.read(
            lambda connection: day_counts.read(connection, first, last, self._cipher)
        )

    async def drop_before(self, time: float) -> None:
        """Delete the counts of the days before the one of a time (UTC seconds)."""
        day = datetime.fromtimestamp(max(time, 0.0), UTC).date().isoformat()
        if await self._transactions.read(lambda c: day_counts.has_before(c, day)):
            await self._transactions.write(lambda c: day_counts.delete_before(c, day))

    def _counted(
        self, connection: Connection, count: Callable[[UncountedRecords], Counts], most: int
    ) -> _Batch:
        found = read_uncounted(connection, self._cipher, most)
        given = tuple(each.id for each in found.feedback)
        return _Batch(found.after, len(found.records), given, count(found))
