"""Transactions off the event loop: one thread writes, three read, every wait is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cds_hooks.audit.database import Database
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.audit.writer import Commit, Entries, Operation, Writer, no_entries

__all__ = ["TransactionExecutor"]

T = TypeVar("T")


class TransactionExecutor:
    """Runs operations on a database. Every method raises StoreUnavailable.

    `timeout_s` bounds each call, `backlog` the writes that may wait. `observer` hears of every
    commit, in the writing thread.
    """

    def __init__(
        self,
        database: Database,
        *,
        timeout_s: float,
        backlog: int,
        observer: Callable[[Commit], None],
    ) -> None:
        self._database = database
        self._timeout_s = timeout_s
        self._writer = Writer(database, backlog, observer)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="store-reader")
        # For what must not wait behind a long read.
        self._separate = ThreadPoolExecutor(1, thread_name_prefix="store-switches")

    async def write(self, operation: Operation[T], entries: Entries[T] = no_entries) -> T:
        """The operation's result, durable together with the ledger entries made of it."""
        return await self._within(self._writer.submit(operation, entries))

    async def read(self, operation: Operation[T]) -> T:
        """The result of an operation that only reads."""
        return await self.run(self._reading(operation))

    async def read_separately(self, operation: Operation[T]) -> T:
        """The same in a thread of its own, for a small one that waits for no other."""
        return await self._submit(self._separate, self._reading(operation))

    async def read_long(self, operation: Operation[T]) -> T:
        """The result of an operation that only reads and may take minutes, in a thread of its own:
        neither a bound nor the other readers wait for it."""
        return await asyncio.to_thread(self._reading(operation))

    async def run(self, work: Callable[[], T]) -> T:
        """The result of blocking work, done in a reading thread."""
        return await self._submit(self._readers, work)

    async def close(self) -> None:
        """Write what waits, then close the database."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        self._separate.shutdown()
        self._database.close()

    def _reading(self, operation: Operation[T]) -> Callable[[], T]:
        def run() -> T:
            with self._database.read() as connection:
                return operation(connection)

        return run

    async def _submit(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            future = threads.submit(work)
        except RuntimeError:
            raise StoreUnavailable("closed") from None
        return await self._within(future)

    async def _within(self, future: Future[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise StoreUnavailable("timeout") from None
