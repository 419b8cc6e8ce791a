"""What goes into the ledger: who signed in and out, what was refused, which role was taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from cds_hooks.console.reader import Reader

__all__ = ["Record", "Recording"]


class Record(Protocol):
    """Appends a record to the ledger; `user` is the subject. Raises StoreUnavailable."""

    def __call__(self, type_: str, /, *, user: str, **details: str | list[str]) -> Awaitable[None]:
        """Durable once it returns."""
        ...


async def _nowhere(_type: str, /, *, user: str, **details: str | list[str]) -> None:
    """For a service without a store."""


def _uncounted(_request_id: str, _route: str, _code: str) -> None:
    """For a service without a store."""


class Recording:
    """`record` appends what a known person did; `refused` counts what nobody known tried, by
    request id, route and code: so a flood fills no ledger."""

    def __init__(
        self,
        record: Record = _nowhere,
        refused: Callable[[str, str, str], None] = _uncounted,
    ) -> None:
        self._record = record
        self.refused = refused

    async def happened(self, type_: str, reader: Reader, **details: str | list[str]) -> None:
        """Record what somebody did, with the roles that they have. Raises StoreUnavailable."""
        roles = sorted(role.value for role in reader.roles)
        await self._record(type_, user=reader.subject, how=reader.how, roles=roles, **details)
