"""The store's door: asynchronous, durable, and back by itself after a fault.

Writes go through one thread that commits everything waiting at once, reads through two of their
own; the event loop waits for neither. When a write returns, its record is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection

from cds_hooks.audit import claims, consultations, feedback, retention, seen_tokens, tables
from cds_hooks.audit.database import Database, DatabaseConfig, insert_for
from cds_hooks.audit.errors import StoreUnavailable
from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.ledger import append, entries
from cds_hooks.audit.ledger.record import Call, Entry
from cds_hooks.audit.ledger.stamp import named, stamped, with_pseudonyms
from cds_hooks.audit.ledger.vouched import vouching
from cds_hooks.audit.retention import Dropped
from cds_hooks.audit.sealing import Sealer, plain
from cds_hooks.audit.sealing.erasing import destroy_again
from cds_hooks.audit.writer import Commit, Entries, Operation, Writer
from cds_hooks.consultation import Consultation
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["Store", "StoreConfig", "database"]

T = TypeVar("T")

_DAY_S = 86_400.0
# Few enough that a hook's record does not wait long behind them.
_DROPPED_AT_ONCE = 100
_MOST_DECODED = 64


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where records are kept and for how long.

    `place` is a path (SQLite) or an SQLAlchemy URL; `timeout_s` bounds every call; `backlog` is
    how many writes may wait; `drop_every_s` is how often expired records are looked for; with
    `sealed_only` what an earlier version wrote unencrypted is not read; `service_version` goes
    into every record of the ledger, and with `plain_users` users' ids as they are;
    `retention_days` is for consultations and their cards, `feedback_days` for feedback;
    `erased_keys` is the file that marks of erased keys are kept in.
    """

    place: Path | str
    retention_days: float = 30.0
    timeout_s: float = 5.0
    lock_timeout_s: float = 1.0
    reserve_bytes: int = 16 * 1024 * 1024
    backlog: int = 1000
    drop_every_s: float = 3600.0
    sealed_only: bool = False
    service_version: str = ""
    plain_users: bool = False
    feedback_days: float = 30.0
    erased_keys: Path | None = None


def database(config: StoreConfig, key: SiteKey, clock: Callable[[], float]) -> Database:
    """The store's database; keys that were erased are erased again in a restored backup."""
    place = DatabaseConfig(config.place, config.lock_timeout_s, config.reserve_bytes)

    def opened(connection: Connection) -> None:
        if config.erased_keys:
            destroy_again(connection, config.erased_keys, clock())

    return Database(place, key.key_id, clock, opened)


class Store:
    """Consultations, their cards, and the feedback on them.

    Every method raises StoreUnavailable (503) while the store cannot be used, and works again
    as soon as it can. `observer` hears of every commit, in the writing thread.
    """

    def __init__(
        self,
        config: StoreConfig,
        key: SiteKey,
        *,
        clock: Callable[[], float] = time.time,
        observer: Callable[[Commit], None] = lambda _commit: None,
    ) -> None:
        self._config = config
        self._key = key
        self._clock = clock
        self._sealer = Sealer(key, config.sealed_only)
        self._database = database(config, key, clock)
        self._writer = Writer(self._database, config.backlog, observer)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="store-reader")
        self._dropping: asyncio.Task[None] | None = None
        # Answers by id, the least lately used first. What is served is looked up in the database
        # each time; only reading its payload again is spared.
        self._decoded: dict[str, Consultation] = {}

    async def open(self) -> None:
        """Make or migrate the tables and let go of what has expired, now and from now on.

        A store that is only unavailable is opened by the first call that can: `writable` tells.
        Raises StoreRefused when it must not be used as it is.
        """
        with suppress(StoreUnavailable):
            await self.drop_expired()
        self._dropping = asyncio.create_task(self._keep_dropping(), name="store-retention")

    async def close(self) -> None:
        """Write what waits, then close."""
        if self._dropping is not None:
            self._dropping.cancel()
            await asyncio.wait([self._dropping])
        await asyncio.to_thread(self._close)

    async def record_event(self, type_: str, /, **fields: Any) -> None:
        """Append a record to the ledger: what happened, in fields of `ledger.Entry` or of its own.

        `patient_id` (with `fhir_server`), `user_id` and `encounter_id` are written as keyed hashes
        only; nothing else of a patient belongs here. Durable when it returns. Raises RecordRefused
        for what a record cannot hold.
        """
        entry = Entry.of(type_, with_pseudonyms(fields, self._key))
        made = self._prepared(entry)
        await self._write(lambda _: None, lambda _: made)

    async def look(self, operation: Operation[T]) -> T:
        """Run a reading operation of this room, such as those of `ledger.keeping`."""
        return await self._read(operation)

    async def keep(self, operation: Operation[T]) -> T:
        """Run a writing operation of this room; durable when it returns."""
        return await self._write(operation)

    async def save_consultation(
        self, consultation: Consultation, cards: Sequence[Card] = (), call: Call | None = None
    ) -> None:
        """Record a consultation, or its later state under the same id, with its cards.

        `call` is who is shown them; the ledger has it and the cards in the same transaction.
        Durable when it returns. Raises ValueError for a card without a uuid.
        """
        _require_uuids(cards)
        expires = consultation.created + self._config.retention_days * _DAY_S
        made = self._prepared(entries.consulted(consultation, cards, self._call(call), self._key))
        self._decoded.pop(consultation.id, None)
        await self._write(
            lambda connection: consultations.save(
                connection,
                consultation,
                cards,
                key=self._key,
                sealer=self._sealer,
                expires=expires,
            ),
            lambda digest: tuple(vouching(each, consultation.id, digest) for each in made),
        )

    async def save_cards(
        self, consultation: Consultation, cards: Sequence[Card], call: Call | None = None
    ) -> bool:
        """Record cards made of a consultation that is on record; False when it is not any more.

        Durable when it returns. Raises ValueError for a card without a uuid.
        """
        _require_uuids(cards)
        made = self._prepared(entries.answered(consultation, cards, self._call(call), self._key))
        return await self._write(
            lambda connection: consultations.save_cards(
                connection, consultation.id, cards, key=self._key
            ),
            lambda is_there: made if is_there else (),
        )

    async def get(self, consultation_id: str) -> Consultation | None:
        """The consultation with this id, in whatever state. Raises RecordUnreadable."""
        return await self._read(lambda c: consultations.by_id(c, consultation_id, self._sealer))

    async def find_by_key(self, key: str, *, not_older_than: float) -> Consultation | None:
        """The newest answer to the same question since `not_older_than` (UTC seconds)."""
        table = tables.consultations.c
        asked = table.content_key == consultations.content_key(self._key, key)
        alive = table.expires > self._clock()
        found = await self._newest(asked, table.created >= not_older_than, alive)
        # The column is in clear: whoever can write into the database could change it.
        return found if found is not None and found.key == key else None

    async def last_for_patient(self, patient_key: str, service: str = "") -> Consultation | None:
        """The newest answer for this patient, of one service or of any."""
        table = tables.consultations.c
        conditions = [table.patient_key == patient_key, table.expires > self._clock()]
        if service:
            conditions.append(table.service == service)
        return await self._newest(*conditions)

    async def claim(self, key: str, owner: str, *, lease_s: float) -> bool:
        """Take the work on a content key for so many seconds, or extend one's own claim.

        False while another process has it.
        """
        now, key = self._clock(), consultations.content_key(self._key, key)
        return await self._write(lambda c: claims.take(c, key, owner, now=now, lease_s=lease_s))

    async def release(self, key: str, owner: str) -> None:
        """Let a claim of one's own go."""
        now, key = self._clock(), consultations.content_key(self._key, key)
        await self._write(lambda connection: claims.release(connection, key, owner, now=now))

    async def use_token(self, token: str, expires: float) -> bool:
        """Use a token of this keyed hash once; False when it was used before. Durable."""
        now = self._clock()
        return await self._write(
            lambda connection: seen_tokens.take(connection, token, now=now, expires=expires)
        )

    async def record_feedback(
        self, service: str, given: Sequence[FeedbackEntry], call: Call | None = None
    ) -> FeedbackReceipt:
        """Record a feedback call. An entry sent before changes nothing; none fails the others."""
        now = self._clock()
        return await self._write(
            lambda connection: feedback.record(
                connection,
                service,
                given,
                key=self._key,
                sealer=self._sealer,
                received=now,
                expires=now + self._config.feedback_days * _DAY_S,
            ),
            lambda receipt: self._prepared(
                entries.fed_back(service, given, receipt, self._call(call), self._key)
            ),
        )

    async def feedback_for(self, consultation_id: str) -> tuple[FeedbackEntry, ...]:
        """The feedback on a consultation's cards, in the order it came."""
        return await self._read(
            lambda connection: feedback.entries_for(connection, consultation_id, self._sealer)
        )

    async def with_feedback(self) -> tuple[str, ...]:
        """The ids of the consultations on which there is feedback."""
        return await self._read(feedback.judged)

    async def drop_expired(self) -> int:
        """Delete what is older than the retention allows; how many records that were."""
        now, dropped = self._clock(), 0
        while (
            found := await self._write(
                lambda connection: retention.drop_expired(connection, now, _DROPPED_AT_ONCE),
                self._dropped,
            )
        ).count:
            dropped += found.count
        while await self._write(lambda c: seen_tokens.drop_expired(c, now, _DROPPED_AT_ONCE)):
            pass
        if dropped:
            with suppress(StoreUnavailable):  # they are deleted; only their space comes back later
                await self._in_thread(self._database.compact)
        return dropped

    async def check(self) -> None:
        """Commit a small record; raises what a hook would get: StoreUnavailable, StoreRefused."""
        await self._write(self._probe)
        await self._in_thread(self._database.require_space)
        await self._in_thread(self._key.require)

    async def writable(self) -> bool:
        """Whether a record could be made durable just now."""
        try:
            await self.check()
        except ChartsideError:
            return False
        return True

    async def _seal_plain(self) -> None:
        """Encrypt what an earlier version left in clear, in portions that hooks do not wait for."""
        if await self._read(plain.all_sealed):
            return
        after: plain.Place | None = plain.BEGINNING
        while after is not None:
            seal = partial(
                plain.seal_some,
                key=self._key,
                sealer=self._sealer,
                most=_DROPPED_AT_ONCE,
                after=after,
            )
            _, after = await self._write(seal)
        await self._in_thread(self._database.compact)

    async def _newest(self, *conditions: ColumnElement[bool]) -> Consultation | None:
        found = await self._read(
            lambda c: consultations.newest_answer(
                c, *conditions, sealer=self._sealer, known=self._decoded.get
            )
        )
        if found is not None:
            self._decoded.pop(found.id, None)
            self._decoded[found.id] = found
            while len(self._decoded) > _MOST_DECODED:
                self._decoded.pop(next(iter(self._decoded)))
        return found

    async def _keep_dropping(self) -> None:
        with suppress(ChartsideError):  # the next start goes on
            if not self._config.sealed_only:
                await self._seal_plain()
        while True:
            await asyncio.sleep(self._config.drop_every_s)
            with suppress(ChartsideError):  # the next round tries again
                await self.drop_expired()

    def _probe(self, connection: Connection) -> None:
        row = {"name": "last-probe", "value": f"{self._clock()} {os.getpid()}"}
        append.head(connection, lock=True)  # a record could follow the last one
        statement = insert_for(connection, tables.facts).values(row)
        later = {"value": statement.excluded.value}
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=later))

    def _call(self, call: Call | None) -> Call | None:
        return named(call) if call and self._config.plain_users else call

    def _prepared(self, entry: Entry) -> tuple[append.Prepared, ...]:
        """The entry as it is appended, with the time, an id and the version that wrote it."""
        version = self._config.service_version
        return (append.prepare(stamped(entry, self._clock(), version)),)

    def _dropped(self, gone: Dropped) -> tuple[append.Prepared, ...]:
        if not gone.count:
            return ()
        details = {
            "records": gone.count,
            "consultations": len(gone.consultations),
            "cards": gone.cards,
            "feedback": len(gone.feedback),
            "ids": gone.digest,
            "reason": "retention",
        }
        return self._prepared(Entry(type="records-dropped", details=details))

    async def _write(self, operation: Operation[T], made: Entries[T] = lambda _: ()) -> T:
        return await self._within(self._writer.submit(operation, made))

    async def _read(self, operation: Operation[T]) -> T:
        def run() -> T:
            with self._database.read() as connection:
                return operation(connection)

        return await self._in_thread(run)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            future = self._readers.submit(work)
        except RuntimeError:
            raise StoreUnavailable("closed") from None
        return await self._within(future)

    async def _within(self, future: Future[T]) -> T:
        try:
            async with asyncio.timeout(self._config.timeout_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise StoreUnavailable("timeout") from None

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown()
        self._database.close()


def _require_uuids(cards: Sequence[Card]) -> None:
    if not all(card.uuid for card in cards):
        raise ValueError("a card is recorded by its uuid")
