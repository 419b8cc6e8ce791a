"""Consultations, cards and feedback in the database: asynchronous, durable, recovering by itself.

Writes go through one thread that commits everything waiting at once, reads through two others; the
event loop waits for neither. When a write returns, its record is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

from cds_hooks.audit import claims, consultations, feedback, retention, seen_tokens, tables
from cds_hooks.audit.consultation_reads import ConsultationReads, SilentRecords
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.feedback import FeedbackReceipt
from cds_hooks.audit.ledger import entries, storage
from cds_hooks.audit.ledger.enrichment import with_plain_user
from cds_hooks.audit.ledger.record_integrity import with_payload_digest
from cds_hooks.audit.ledger_store import LedgerStore
from cds_hooks.audit.outcome_store import OutcomeStore
from cds_hooks.audit.retention import DeletedRecords
from cds_hooks.audit.review_store import ReviewStore
from cds_hooks.audit.statistics_store import StatisticsStore
from cds_hooks.audit.store_config import StoreConfig, open_database
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.audit.switches import SwitchStore
from cds_hooks.audit.token_store import TokenStore
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.audit.writer import Commit
from cds_hooks.consultation import Consultation, RecordedCall
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["Store"]

_DAY_S = 86_400.0
_DELETE_BATCH = 100  # few enough that a hook's record does not wait long behind them


class Store(ConsultationReads):
    """Consultations, cards, feedback; `ledger`, `tokens`, `statistics`, `switches` are apart, and
    so is `silent`, what a trial recorded: nothing else reads that.

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
        self._database = open_database(config, key, clock)
        transactions = TransactionExecutor(
            self._database, timeout_s=config.timeout_s, backlog=config.backlog, observer=observer
        )
        super().__init__(transactions, key, clock)
        self.silent = SilentRecords(transactions, key, clock, self)
        self.ledger = LedgerStore(self._transactions, key, clock, config.service_version)
        self.tokens = TokenStore(self._transactions, clock)
        self.statistics = StatisticsStore(self._transactions, self._cipher)
        self.reviews = ReviewStore(self._transactions, self.ledger, key, plain=config.plain_users)
        self.outcomes = OutcomeStore(self._transactions, self._cipher)
        self.switches = SwitchStore(self._transactions, self.ledger, key, plain=config.plain_users)
        self._retention: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Create the tables if there are none, delete what has expired, now and from now on.

        A store that is only unavailable is opened by the first call that can: `writable` tells.
        Raises StoreRefused when it must not be used as it is.
        """
        with suppress(StoreUnavailable):
            await self.drop_expired()
        self._retention = asyncio.create_task(self._delete_regularly(), name="store-retention")

    async def close(self) -> None:
        """Write what waits, then close."""
        if self._retention is not None:
            self._retention.cancel()
            await asyncio.wait([self._retention])
        await self._transactions.close()

    async def record_event(self, type_: str, /, **fields: Any) -> None:
        """Append a record to the ledger: what happened, in fields of `ledger.Entry` or of its own.

        `patient_id` (with `fhir_server`), `user_id` and `encounter_id` are written as keyed hashes
        only; nothing else of a patient belongs here. Durable when it returns. Raises RecordRefused
        for what a record cannot hold.
        """
        await self.ledger.append(type_, **fields)

    async def save_consultation(
        self,
        consultation: Consultation,
        cards: Sequence[Card] = (),
        call: RecordedCall | None = None,
    ) -> None:
        """Record a consultation, or its later state under the same id, with its cards.

        `call` tells who is shown them; it goes into the ledger with the cards, in the same
        transaction. Durable when it returns. Raises ValueError for a card without a uuid,
        and for cards of a silent consultation.
        """
        _require_recordable(consultation, cards)
        expires = consultation.created + self._config.retention.consultations_days * _DAY_S
        entry = entries.consultation_entry(consultation, cards, self._caller(call), self._key)
        prepared = self.ledger.prepare(entry)
        await self._transactions.write(
            lambda connection: consultations.save(
                connection,
                consultation,
                cards,
                key=self._key,
                cipher=self._cipher,
                expires=expires,
            ),
            lambda digest: tuple(
                with_payload_digest(each, consultation.id, digest) for each in prepared
            ),
        )

    async def save_cards(
        self, consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None = None
    ) -> bool:
        """Record cards made of a recorded consultation, durably; False when it is no longer there.
        Raises ValueError for a card without a uuid,
        and for cards of a silent consultation."""
        _require_recordable(consultation, cards)
        entry = entries.answer_entry(consultation, cards, self._caller(call), self._key)
        prepared = self.ledger.prepare(entry)
        return await self._transactions.write(
            lambda connection: consultations.save_cards(
                connection, consultation.id, cards, key=self._key
            ),
            lambda is_there: prepared if is_there else (),
        )

    async def consultation_of_card(self, uuid: str) -> str:
        """The id of the consultation that a card shows; "" for a card that is not on record."""
        return await self._transactions.read(
            lambda connection: consultations.id_of_card(connection, uuid)
        )

    async def claim(self, key: str, owner: str, *, lease_s: float) -> bool:
        """Claim the work on a content key for `lease_s` seconds, or extend one's own claim.

        False while another process has it.
        """
        now, key = self._clock(), consultations.content_key(self._key, key)
        return await self._transactions.write(
            lambda connection: claims.acquire(connection, key, owner, now=now, lease_s=lease_s)
        )

    async def release(self, key: str, owner: str) -> None:
        """Release one's own claim."""
        now, key = self._clock(), consultations.content_key(self._key, key)
        await self._transactions.write(
            lambda connection: claims.release(connection, key, owner, now=now)
        )

    async def use_token(self, token: str, expires: float) -> bool:
        """Use the token with this keyed hash once; False when it was used before. Durable."""
        return await self.tokens.use(token, expires)

    async def record_feedback(
        self, service: str, given: Sequence[FeedbackEntry], call: RecordedCall | None = None
    ) -> FeedbackReceipt:
        """Record a feedback call. An entry sent before changes nothing; none fails the others."""
        now = self._clock()
        return await self._transactions.write(
            lambda connection: feedback.record(
                connection,
                service,
                given,
                key=self._key,
                cipher=self._cipher,
                received=now,
                expires=now + self._config.retention.feedback_days * _DAY_S,
            ),
            lambda receipt: self.ledger.prepare(
                entries.feedback_entry(service, given, receipt, self._caller(call), self._key)
            ),
        )

    async def feedback_for(self, consultation_id: str) -> tuple[FeedbackEntry, ...]:
        """The feedback on a consultation's cards, in the order it came."""
        return await self._transactions.read(
            lambda connection: feedback.entries_for(connection, consultation_id, self._cipher)
        )

    async def consultations_with_feedback(self) -> tuple[str, ...]:
        """The ids of the consultations on which there is feedback."""
        return await self._transactions.read(feedback.consultation_ids)

    async def drop_expired(self) -> int:
        """Delete what is older than the retention allows; how many records that were."""
        now, deleted = self._clock(), 0
        while (
            batch := await self._transactions.write(
                lambda connection: retention.delete_expired(connection, now, _DELETE_BATCH),
                self._deletion_entries,
            )
        ).count:
            deleted += batch.count
        while await self._transactions.write(
            lambda connection: seen_tokens.delete_expired(connection, now, _DELETE_BATCH)
        ):
            pass
        kept_s = self._config.retention.statistics_days * _DAY_S
        await self.statistics.drop_before(now - kept_s)
        if deleted:
            with suppress(StoreUnavailable):  # they are deleted; only their space comes back later
                await self._transactions.run(self._database.compact)
        return deleted

    async def check(self) -> None:
        """Commit a small record; raises what a hook would get: StoreUnavailable, StoreRefused."""
        await self._transactions.write(self._probe)
        await self._transactions.run(self._database.require_files)
        await self._transactions.run(self._key.require)

    async def writable(self) -> bool:
        """Whether a record could be made durable now."""
        try:
            await self.check()
        except ChartsideError:
            return False
        return True

    async def _delete_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._config.drop_every_s)
            with suppress(ChartsideError):  # the next round tries again
                await self.drop_expired()

    def _probe(self, connection: Connection) -> None:
        row = {"name": "last-probe", "value": f"{self._clock()} {os.getpid()}"}
        storage.head(connection, lock=True)  # a record could follow the last one
        statement = insert_on_conflict(connection, tables.store_metadata).values(row)
        later = {"value": statement.excluded.value}
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=later))

    def _caller(self, call: RecordedCall | None) -> RecordedCall | None:
        return with_plain_user(call) if call and self._config.plain_users else call

    def _deletion_entries(self, deleted: DeletedRecords) -> tuple[storage.PreparedEntry, ...]:
        return self.ledger.prepare(entries.deletion_entry(deleted)) if deleted.count else ()


def _require_recordable(consultation: Consultation, cards: Sequence[Card]) -> None:
    if consultation.silent and cards:
        raise ValueError("nobody is shown cards of a silent consultation")
    if not all(card.uuid for card in cards):
        raise ValueError("a card is recorded by its uuid")
