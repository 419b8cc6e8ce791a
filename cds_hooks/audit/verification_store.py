"""What a service needs to verify its own ledger, a few milliseconds at a time.

How far it is stands in `store_metadata`: the size of a signed checkpoint, and when what was looked
at last. It is no secret, and is believed only with its keyed hash: whoever can write into the
database could say there that all was verified just now. A verification goes on only from a tree
that leads to the signed root, and now and then begins at the first record again.
"""

from __future__ import annotations

import hmac
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import orjson
from sqlalchemy import Connection, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger import checkpoint_storage, stored_consultations, stored_ledger
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.verification import (
    LedgerVerifier,
    VerificationFailure,
    VerifiedPrefix,
    verify_checkpoints,
)
from cds_hooks.audit.transactions import TransactionExecutor

__all__ = ["VerificationState", "VerificationStore", "VerifiedSlice", "read_state"]

_NAME = "ledger-verified"
_BY = "hmac"
_UNSIGNED = "unsigned"
# Instructions of SQLite between two looks at whether the service is stopping.
_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class VerificationState:
    """`size` records are verified, up to a signed checkpoint. Times are UTC seconds.

    `at`: when all new records were found whole; `all_at`: when all records were; `database_at`:
    when the database's own check was. `all_since`: when the run over all records began that has
    not ended; 0 when none is under way.
    """

    size: int = 0
    at: float = 0.0
    all_at: float = 0.0
    all_since: float = 0.0
    database_at: float = 0.0


@dataclass(frozen=True, slots=True)
class VerifiedSlice:
    """Where to go on, what is wrong, and whether that was the end."""

    prefix: VerifiedPrefix
    failure: VerificationFailure | None
    is_last: bool


class VerificationStore:
    """Every method raises StoreUnavailable."""

    def __init__(
        self,
        transactions: TransactionExecutor,
        key: SiteKey,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transactions = transactions
        self._key = key
        self._clock = clock

    async def state(self) -> VerificationState:
        """How far an earlier verification was; nothing where there was none."""
        return await self._transactions.read(partial(read_state, key=self._key, now=self._clock()))

    async def save(self, state: VerificationState) -> None:
        """Remember how far it is."""
        await self._transactions.write(partial(_save, state=state, key=self._key))

    async def resume(self, size: int, keys: Sequence[CheckpointVerifier]) -> VerifiedPrefix:
        """See `stored_ledger.resume`."""
        return await self._transactions.read(
            partial(stored_ledger.resume, size=size, keys=tuple(keys))
        )

    async def advance(
        self, begin: VerifiedPrefix, keys: Sequence[CheckpointVerifier]
    ) -> VerifiedSlice:
        """Verify the next records, with the checkpoints over them."""
        return await self._transactions.read(partial(_advance, begin=begin, keys=tuple(keys)))

    async def check_consultations(self, after: str) -> tuple[str, VerificationFailure | None]:
        """See `stored_consultations.check_consultations`."""
        return await self._transactions.read(
            partial(stored_consultations.check_consultations, after=after)
        )

    async def missing_data_key(self) -> VerificationFailure | None:
        """See `stored_consultations.missing_data_key`."""
        return await self._transactions.read(stored_consultations.missing_data_key)

    async def database_damage(self, seq: int) -> VerificationFailure | None:
        """See `stored_ledger.database_damage`. It may take minutes, beside all other work."""
        stopping = threading.Event()

        def check(connection: Connection) -> VerificationFailure | None:
            with _interruptible(connection, stopping):
                return stored_ledger.database_damage(connection, seq)

        try:
            return await self._transactions.read_long(check)
        finally:
            stopping.set()


class _interruptible:  # noqa: N801 - a context manager
    """Ends what SQLite does on this connection once the event is set."""

    def __init__(self, connection: Connection, stopping: threading.Event) -> None:
        self._raw = connection.connection.dbapi_connection
        self._stopping = stopping

    def __enter__(self) -> None:
        if isinstance(self._raw, sqlite3.Connection):
            self._raw.set_progress_handler(lambda: int(self._stopping.is_set()), _STEPS)

    def __exit__(self, *_: object) -> None:
        if isinstance(self._raw, sqlite3.Connection):
            self._raw.set_progress_handler(None, 0)


def read_state(connection: Connection, key: SiteKey, now: float) -> VerificationState:
    """How far the service's own verification was; nothing where there was none, where somebody else
    wrote it, and where it is of a time that has not come. Raises StoreUnavailable."""
    column = tables.store_metadata.c
    found = connection.execute(select(column.value).where(column.name == _NAME)).scalar()
    try:
        told = orjson.loads(found or "{}")
        by = str(told.pop(_BY, ""))
        state = VerificationState(**told)
        is_ours = hmac.compare_digest(by.encode(), _keyed(state, key).encode())
    except (TypeError, AttributeError, ValueError):  # then all is verified again
        return VerificationState()
    if not is_ours or max(state.at, state.all_at, state.all_since, state.database_at) > now:
        return VerificationState()
    return state


def _keyed(state: VerificationState, key: SiteKey) -> str:
    return key.digest(_NAME, orjson.dumps(asdict(state)).decode())


def _save(connection: Connection, state: VerificationState, key: SiteKey) -> None:
    told = {**asdict(state), _BY: _keyed(state, key)}
    row = {"name": _NAME, "value": orjson.dumps(told).decode()}
    statement = insert_on_conflict(connection, tables.store_metadata).values(row)
    later = {"value": statement.excluded.value}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=later))


def _advance(
    connection: Connection, begin: VerifiedPrefix, keys: Sequence[CheckpointVerifier]
) -> VerifiedSlice:
    end = begin.size + stored_ledger.AT_ONCE
    # What was signed meanwhile over records that are verified already is looked at next time.
    found = checkpoint_storage.notes_after(connection, begin.size - 1, stored_ledger.AT_ONCE + 1)
    signed = verify_checkpoints((note for size, note in found if size <= end), keys)
    verifier = LedgerVerifier(*signed, begin)
    is_last = len(stored_ledger.take_records(connection, verifier)) < stored_ledger.AT_ONCE
    if is_last and not verifier.has_failed:
        stored_ledger.verify_head(connection, verifier)
    failure = _failure(verifier)
    if is_last and failure is None:
        failure = _missing_records(connection, verifier.size, keys)
    return VerifiedSlice(verifier.prefix, failure, is_last)


def _failure(verifier: LedgerVerifier) -> VerificationFailure | None:
    failure = verifier.report().failure
    return None if failure is not None and failure.code == _UNSIGNED else failure


def _missing_records(
    connection: Connection, size: int, keys: Sequence[CheckpointVerifier]
) -> VerificationFailure | None:
    """Whether a checkpoint was signed over more records than there are."""
    signed, _ = verify_checkpoints([checkpoint_storage.latest_note(connection)], keys)
    if not signed or signed[-1].size <= size:
        return None
    text = f"a signed checkpoint covers {signed[-1].size} records, {size} are here"
    return VerificationFailure(size, "truncated", text)
