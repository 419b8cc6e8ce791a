"""Services switched off and on by hand: from a command, whether or not a service runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger import storage
from cds_hooks.audit.ledger.enrichment import enrich
from cds_hooks.audit.store_config import StoreConfig, open_database
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.audit.switches import (
    SwitchChange,
    SwitchedOff,
    apply_change,
    referring,
    switched_off,
)

__all__ = ["SwitchOperations"]

T = TypeVar("T")

# A service that writes much may hold the write lock when the first try comes.
_TRIES_S, _PAUSE_S = 10.0, 0.05


class SwitchOperations:
    """The switches in a store; closed at the end of a `with` block."""

    def __init__(
        self, config: StoreConfig, key: SiteKey, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._version = config.service_version
        self._refer = referring(key, plain=config.plain_users)
        self._clock = clock
        self._database = open_database(config, key, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._database.close()

    def switched_off(self) -> tuple[SwitchedOff, ...]:
        """Everything that is off. Raises StoreUnavailable."""

        def read() -> tuple[SwitchedOff, ...]:
            with self._database.read() as connection:
                return switched_off(connection)

        return _patiently(read)

    def change(self, change: SwitchChange) -> bool:
        """Make a change, durably with its record; False when it was so already.

        Raises StoreUnavailable.
        """

        def write() -> bool:
            with self._database.write() as connection:
                return self._change(connection, change)

        return _patiently(write)

    def _change(self, connection: Connection, change: SwitchChange) -> bool:
        entry = apply_change(connection, change, self._refer)
        if entry is None:
            return False
        storage.append(connection, [storage.prepare(enrich(entry, self._clock(), self._version))])
        return True


def _patiently(work: Callable[[], T]) -> T:
    """What `work` gives, tried again while another process holds the lock."""
    ends = time.monotonic() + _TRIES_S
    while True:
        try:
            return work()
        except StoreUnavailable as error:
            if error.reason != "locked" or time.monotonic() > ends:
                raise
        time.sleep(_PAUSE_S)
