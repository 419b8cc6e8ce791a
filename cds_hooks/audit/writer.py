"""The writing thread: all operations that wait share one transaction, and so one sync."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from cds_hooks.audit.database import Database
from cds_hooks.audit.ledger import storage
from cds_hooks.audit.store_errors import StoreUnavailable, reason_of

__all__ = ["Commit", "Entries", "Operation", "Writer", "no_entries"]

T = TypeVar("T")
Operation = Callable[[Connection], T]
Entries = Callable[[T], Sequence[storage.PreparedEntry]]

_MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of `operations` operations, and how long it took.

    `reason` is set when it failed. `ledger_size` is the number of ledger records after it; 0 when
    it recorded nothing.
    """

    operations: int
    seconds: float
    reason: str = ""
    ledger_size: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    operation: Operation[Any]
    entries: Entries[Any]
    future: Future[Any]


def no_entries(_: object) -> Sequence[storage.PreparedEntry]:
    return ()


class Writer:
    """Runs operations in the order they come. `observer` is called in the writing thread."""

    def __init__(
        self,
        database: Database,
        backlog: int,
        observer: Callable[[Commit], None] = lambda _commit: None,
    ) -> None:
        self._database = database
        self._observer = observer
        self._queue: queue.Queue[_Job | None] = queue.Queue(backlog)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation[T], entries: Entries[T] = no_entries) -> Future[T]:
        """Queue an operation; the future has its result once that is durable.

        `entries` makes ledger records of the result; they are written in the same transaction. The
        operation runs even if the caller no longer waits. Raises StoreUnavailable at once when the
        queue is full, or after `close`.
        """
        if self._closing.is_set():
            raise StoreUnavailable("closed")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            self._queue.put_nowait(_Job(operation, entries, future))
        except queue.Full:
            raise StoreUnavailable("backlog") from None
        return future

    def close(self) -> None:
        """Write what waits, then end the thread."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            self._commit(batch)
            del batch
        while not self._queue.empty():
            if job := self._queue.get_nowait():
                job.future.set_exception(StoreUnavailable("closed"))

    def _next(self) -> list[_Job]:
        """The jobs that wait, at least one; none after `close`."""
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _MAX_BATCH:
                return jobs
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs
        if jobs:
            self._queue.put(None)
        return jobs

    def _commit(self, jobs: Sequence[_Job]) -> None:
        began = time.perf_counter()
        reason, size = "", 0
        try:
            with self._database.write() as connection:
                results, entries = _attempt_all(connection, jobs)
                if entries:
                    # Last: other processes wait for the ledger's head until the commit.
                    size = storage.append(connection, entries).size
        except Exception as error:  # the waiting callers get it; this thread goes on
            reason = error.reason if isinstance(error, StoreUnavailable) else "refused"
            results = [error] * len(jobs)
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)
        with suppress(Exception):  # a fault of the observer is no fault of the store
            self._observer(Commit(len(jobs), time.perf_counter() - began, reason, size))


def _attempt_all(
    connection: Connection, jobs: Sequence[_Job]
) -> tuple[list[Any], list[storage.PreparedEntry]]:
    """Each job's result or its own error, and the records of those that succeeded."""
    results: list[Any] = []
    entries: list[storage.PreparedEntry] = []
    for job in jobs:
        result, prepared = _attempt(connection, job)
        results.append(result)
        entries += prepared
    return results, entries


def _attempt(connection: Connection, job: _Job) -> tuple[Any, Sequence[storage.PreparedEntry]]:
    """The operation's result, or its own error: a fault of one does not undo the others.

    A fault of the store itself is raised as it is: SQLite has then ended the transaction, and
    going back to the savepoint would only hide what happened.
    """
    # Not by begin_nested, whose statements are compiled again each time.
    connection.exec_driver_sql("SAVEPOINT operation")
    try:
        result = job.operation(connection)
        entries = job.entries(result)
    except Exception as error:
        if isinstance(error, DBAPIError) and reason_of(error) != "database-error":
            raise
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT operation")
        connection.exec_driver_sql("RELEASE SAVEPOINT operation")
        own = StoreUnavailable("database-error") if isinstance(error, DBAPIError) else error
        return own, ()
    connection.exec_driver_sql("RELEASE SAVEPOINT operation")
    return result, entries
