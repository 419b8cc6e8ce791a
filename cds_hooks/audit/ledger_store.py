"""The ledger's part of the store: events, and checkpoints that are signed over its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger import checkpoint_storage, storage
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.enrichment import enrich, with_pseudonyms
from cds_hooks.audit.ledger.query import LedgerQuery
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.ledger.search import SearchStep, search_step
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.audit.verification_store import VerificationStore

__all__ = ["LedgerStore"]


class LedgerStore:
    """Appends events to the ledger and keeps its checkpoints. Every method raises StoreUnavailable.

    `service_version` goes into every record; `verification` reads what is there again.
    """

    def __init__(
        self,
        transactions: TransactionExecutor,
        key: SiteKey,
        clock: Callable[[], float],
        service_version: str,
    ) -> None:
        self._transactions = transactions
        self._key = key
        self._clock = clock
        self._version = service_version
        self.verification = VerificationStore(transactions, key, clock)

    def prepare(self, entry: Entry) -> tuple[storage.PreparedEntry, ...]:
        """The entry as it is appended, with a time, an id and a version. Raises RecordRefused."""
        return (storage.prepare(enrich(entry, self._clock(), self._version)),)

    def digest(self, purpose: str, *parts: str) -> str:
        """The site's keyed hash of what a record must not tell. Raises StoreUnavailable."""
        return self._key.digest(purpose, *parts)

    async def append(self, type_: str, /, **fields: Any) -> None:
        """Append an event; see `Store.record_event`. Raises RecordRefused."""
        prepared = self.prepare(Entry.of(type_, with_pseudonyms(fields, self._key)))
        await self._transactions.write(lambda _: None, lambda _: prepared)

    async def last_record(self, type_: str) -> bytes | None:
        """The newest record of a type, as written; None when there is none."""
        return await self._transactions.read(partial(storage.last_record, type_=type_))

    async def records_of(self, type_: str) -> list[bytes]:
        """Every record of a type, as written, the oldest first: of types that are few."""
        return await self._transactions.read(partial(storage.records_of, type_=type_))

    async def search(
        self, query: LedgerQuery, *, below: int | None, most: int, look_at: int
    ) -> SearchStep:
        """One step of a search, the newest records first; see `search.search_step`."""
        step = partial(search_step, query=query, below=below, most=most, look_at=look_at)
        return await self._transactions.read(step)

    async def next_checkpoint(
        self,
        origin: str,
        signed_at: str,
        keys: Sequence[CheckpointVerifier],
        earlier: Sequence[str] = (),
    ) -> Checkpoint | None:
        """The checkpoint to sign next; see `checkpoint_storage.next_checkpoint`.

        Raises LedgerForked.
        """
        return await self._transactions.read(
            lambda c: checkpoint_storage.next_checkpoint(c, origin, signed_at, keys, earlier)
        )

    async def save_checkpoint(self, size: int, note: str) -> None:
        """Store a signed checkpoint. One of the same size that is there already stays."""
        await self._transactions.write(partial(checkpoint_storage.save, size=size, note=note))

    async def checkpoints(self) -> list[str]:
        """All checkpoints as signed notes, the smallest first."""
        return await self._transactions.read(checkpoint_storage.notes)

    async def checkpoints_after(self, size: int, limit: int) -> list[tuple[int, str]]:
        """Size and note of the next checkpoints larger than `size`, the smallest first."""
        return await self._transactions.read(
            partial(checkpoint_storage.notes_after, size=size, limit=limit)
        )
