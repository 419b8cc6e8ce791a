"""Reading consultations: those that are shown, or those of a silent trial, never both.

`Store` reads what is shown. What a trial recorded is read through `SilentRecords` alone, so that a
reader who does not ask for it cannot come by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import ColumnElement

from cds_hooks.audit import consultations, tables
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.consultation import CheckedConsultation, Consultation, RecordedCall
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["ConsultationReads", "SilentRecords"]


class ConsultationReads:
    """Consultations by id, by content key and by patient; with `silent` those of a trial alone.

    Every method raises StoreUnavailable while the store cannot be used.
    """

    def __init__(
        self,
        transactions: TransactionExecutor,
        key: SiteKey,
        clock: Callable[[], float],
        *,
        silent: bool = False,
    ) -> None:
        self._transactions = transactions
        self._key = key
        self._clock = clock
        self._cipher = PayloadCipher(key)
        self._silent = silent

    async def get(self, consultation_id: str) -> Consultation | None:
        """The consultation with this id, in whatever state. Raises RecordUnreadable."""
        return await self._transactions.read(
            lambda connection: consultations.by_id(
                connection, consultation_id, self._cipher, silent=self._silent
            )
        )

    async def find_by_key(self, key: str, *, not_older_than: float) -> CheckedConsultation | None:
        """The newest answer with this content key since `not_older_than` (UTC seconds)."""
        table = tables.consultations.c
        same_content = table.content_key == consultations.content_key(self._key, key)
        not_expired = table.expires > self._clock()
        found = await self._newest(same_content, table.created >= not_older_than, not_expired)
        # The column is in clear: whoever can write into the database could change it.
        return found if found is not None and found.key == key else None

    async def last_for_patient(
        self, patient_key: str, service: str = "", *, until: float = math.inf
    ) -> CheckedConsultation | None:
        """The newest answer for this patient, of one service or of any, begun by `until`."""
        table = tables.consultations.c
        conditions = (table.patient_key == patient_key, table.expires > self._clock())
        of_service = [table.service == service] if service else []
        return await self._newest(*conditions, table.created <= until, *of_service)

    async def newest_for_patient(self, patient_key: str, *, after: float) -> Consultation | None:
        """The newest consultation of this patient's chart begun after `after`, in any state."""
        return await self._transactions.read(
            lambda connection: consultations.newest_of(
                connection, patient_key, after, self._clock(), self._cipher, silent=self._silent
            )
        )

    async def _newest(self, *conditions: ColumnElement[bool]) -> CheckedConsultation | None:
        return await self._transactions.read(
            lambda connection: consultations.newest_answer(
                connection, *conditions, cipher=self._cipher, silent=self._silent
            )
        )


class _Writes(Protocol):
    async def save_consultation(
        self, consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None
    ) -> None: ...

    async def save_cards(
        self, consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None
    ) -> bool: ...

    async def claim(self, key: str, owner: str, *, lease_s: float) -> bool: ...

    async def release(self, key: str, owner: str) -> None: ...


class SilentRecords(ConsultationReads):
    """What a silent trial records: read here alone, written like every other consultation.

    Raises ValueError for a consultation that is not silent, and for cards of one.
    """

    def __init__(
        self,
        transactions: TransactionExecutor,
        key: SiteKey,
        clock: Callable[[], float],
        store: _Writes,
    ) -> None:
        super().__init__(transactions, key, clock, silent=True)
        self._store = store

    async def save_consultation(
        self,
        consultation: Consultation,
        cards: Sequence[Card] = (),
        call: RecordedCall | None = None,
    ) -> None:
        """Record a silent consultation, or its later state under the same id."""
        _require_silent(consultation)
        await self._store.save_consultation(consultation, cards, call)

    async def save_cards(
        self, consultation: Consultation, cards: Sequence[Card], call: RecordedCall | None = None
    ) -> bool:
        """Record a hook that a recorded consultation is of; False when it is no longer there."""
        _require_silent(consultation)
        return await self._store.save_cards(consultation, cards, call)

    async def feedback_for(self, _: str) -> tuple[FeedbackEntry, ...]:
        """None: nobody saw anything to say something of."""
        return ()

    async def claim(self, key: str, owner: str, *, lease_s: float) -> bool:
        """Claim the work on a content key; False while another process has it."""
        return await self._store.claim(key, owner, lease_s=lease_s)

    async def release(self, key: str, owner: str) -> None:
        """Release one's own claim."""
        await self._store.release(key, owner)


def _require_silent(consultation: Consultation) -> None:
    if not consultation.silent:
        raise ValueError("a trial records silent consultations alone")
