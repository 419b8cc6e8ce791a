"""The store's part of following consultations up: whom to follow, and what was found."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial

from cds_hooks.audit import trial_outcomes
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.transactions import TransactionExecutor
from cds_hooks.audit.trial_outcomes import FollowedConsultation, FollowUp
from cds_hooks.audit.trial_reads import count_hooks, encounters_of

__all__ = ["OutcomeStore"]


class OutcomeStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, transactions: TransactionExecutor, cipher: PayloadCipher) -> None:
        self._transactions = transactions
        self._cipher = cipher

    async def to_follow(self, since: float, until: float) -> tuple[FollowedConsultation, ...]:
        """See `trial_outcomes.to_follow`."""
        return await self._transactions.read_long(
            partial(trial_outcomes.to_follow, since=since, until=until)
        )

    async def save(self, found: FollowUp) -> bool:
        """Write what was found for one consultation, durably; False when it is no longer there."""
        return await self._transactions.write(
            partial(trial_outcomes.save, found=found, cipher=self._cipher)
        )

    async def of(self, consultations: Iterable[str]) -> dict[str, FollowUp]:
        """What was found for these consultations, by id. Raises RecordUnreadable."""
        wanted = tuple(consultations)
        return await self._transactions.read_long(
            lambda c: trial_outcomes.of_consultations(c, wanted, self._cipher)
        )

    async def count_hooks(
        self, since: float, until: float, *, service: str = "", without: Collection[str] = ()
    ) -> int:
        """See `trial_reads.count_hooks`."""
        count = partial(count_hooks, service=service, without=without)
        return await self._transactions.read_long(lambda c: count(c, since, until))

    async def encounters_of(self, consultations: Iterable[str]) -> dict[str, str]:
        """See `trial_reads.encounters_of`."""
        wanted = tuple(consultations)
        return await self._transactions.read_long(lambda c: encounters_of(c, wanted))

    async def count_by_state(self) -> dict[tuple[str, bool], int]:
        """How many consultations were followed up, by state and whether that is final."""
        return await self._transactions.read(trial_outcomes.count_by_state)
