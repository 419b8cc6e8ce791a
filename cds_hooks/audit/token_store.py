"""The store's part of replay protection: see `seen_tokens`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cds_hooks.audit import seen_tokens
from cds_hooks.audit.transactions import TransactionExecutor

__all__ = ["TokenStore"]


class TokenStore:
    """Tokens that were used, by keyed hash. Every method raises StoreUnavailable."""

    def __init__(self, transactions: TransactionExecutor, clock: Callable[[], float]) -> None:
        self._transactions = transactions
        self._clock = clock

    async def use(self, token: str, expires: float) -> bool:
        """Use a token once; False when it was used before. Durable."""
        now = self._clock()
        return await self._transactions.write(
            partial(seen_tokens.use, token=token, now=now, expires=expires)
        )

    async def refused_until(self) -> float:
        """Tokens that were issued until this moment (UTC seconds) are refused: the store may have
        lost which of them were used. Minus infinity without any."""
        return await self._transactions.read(seen_tokens.refused_until)

    async def refuse_earlier(self) -> None:
        """Refuse every token that was issued until now. Durable."""
        await self._transactions.write(partial(seen_tokens.refuse_until, moment=self._clock()))
