"""What a person does with the store: erase, hold, rotate, seal. Each act is in the ledger with it.

The acts are carried out in one transaction with their record: neither is there without the other.
They may be done while the service runs, but for a rotation, after which it must be started anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, func, select

from cds_hooks.audit import retention, tables
from cds_hooks.audit.checking import Checked, check
from cds_hooks.audit.errors import StoreUnavailable
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.ledger import append
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.ledger.signing import PublicKey
from cds_hooks.audit.ledger.stamp import stamped
from cds_hooks.audit.retention import Hold, HoldKind
from cds_hooks.audit.sealing import Sealer
from cds_hooks.audit.sealing.erasing import Erased, destroy_again, erase
from cds_hooks.audit.sealing.plain import BEGINNING, Place, seal_some
from cds_hooks.audit.sealing.rotation import rewrap
from cds_hooks.audit.store import StoreConfig, database

__all__ = ["Custodian", "Erasure"]

_SEALED_AT_ONCE = 100
_PROBE_IS_FRESH_S = 20.0


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did. `scrubbed` tells whether the database's own files are clear of the
    key already: while a service reads, that happens with its next pause."""

    done: Erased
    scrubbed: bool


class Custodian:
    """A store as those who answer for it use it; closed at the end of a `with`."""

    def __init__(
        self, config: StoreConfig, key: SiteKey, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._key = key
        self._clock = clock
        self._database = database(config, key, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._database.close()

    def erase(self, patient_key: str) -> Erasure:
        """Destroy a patient's data key. Raises HoldRefused while something of theirs is held."""
        now = self._clock()
        with self._database.write() as connection:
            retention.require_not_held(connection, patient_key)
            done = erase(connection, patient_key, now)
            details = {**asdict(done), "keys": list(done.keys)}
            self._note(connection, "patient-erased", details, patient_pseudonym=patient_key)
        if self._config.erased_keys:
            with self._database.write() as connection:
                destroy_again(connection, self._config.erased_keys, now)
        return Erasure(done, self._scrubbed())

    def count(self, patient_key: str) -> int:
        """How many consultations of a patient can be read."""
        of = tables.consultations.c
        query = select(func.count()).where(of.patient_key == patient_key)
        with self._database.read() as connection:
            readable = query.where(of.payload_format != "erased")
            return connection.execute(readable).scalar_one()

    def hold(self, kind: HoldKind, subject: str, reference: str) -> Hold:
        """Keep a patient's records or one consultation. Raises HoldRefused."""
        with self._database.write() as connection:
            hold = retention.place_hold(connection, kind, subject, reference, self._clock())
            self._note(connection, "hold-placed", _told(hold), **_subject(hold))
        return hold

    def release(self, hold_id: str) -> Hold:
        """End a hold. Raises HoldRefused."""
        with self._database.write() as connection:
            hold = retention.release_hold(connection, hold_id, self._clock())
            self._note(connection, "hold-released", _told(hold), **_subject(hold))
        return hold

    def holds(self) -> tuple[Hold, ...]:
        """The holds that are not released."""
        with self._database.read() as connection:
            return retention.holds(connection)

    def rotate(
        self, new: SiteKey, progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> int:
        """Wrap every data key with a new site key; how many. Afterwards the store is the new key's.

        Raises StoreRefused, RecordUnreadable: then nothing has changed.
        """
        with self._database.write() as connection:
            done = rewrap(connection, self._key, new, progress)
            details = {"keys": done, "old_key": self._key.key_id, "new_key": new.key_id}
            self._note(connection, "site-key-rotated", details)
        self._scrubbed()
        return done

    def seal_plain(self, progress: Callable[[int], None] = lambda _done: None) -> int:
        """Seal what an earlier version left unencrypted; how many records that were."""
        done, sealer = 0, Sealer(self._key)
        after: Place | None = BEGINNING
        while after is not None:
            with self._database.write() as connection:
                found, after = seal_some(connection, self._key, sealer, _SEALED_AT_ONCE, after)
                if after is None and done:
                    self._note(connection, "plain-records-sealed", {"records": done})
            done += found
            progress(done)
        if done:
            self._scrubbed()
        return done

    def restored(self, opened: int, marks: Path | None) -> Erased:
        """Erase again what was erased since this copy was made, and record that it was put back."""
        with self._database.write() as connection:
            done = destroy_again(connection, marks, self._clock()) if marks else Erased()
            details = {"records": opened, "keys_erased_again": len(done.keys)}
            self._note(connection, "store-restored", details)
        return done

    def checked(
        self,
        keys: Sequence[PublicKey] = (),
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Checked:
        """Read the whole store: every payload, and the ledger."""
        with self._database.read() as connection:
            return check(connection, Sealer(self._key), keys, progress)

    def is_in_use(self) -> bool:
        """Whether a service has written its sign of life a moment ago."""
        column = tables.facts.c
        query = select(column.value).where(column.name == "last-probe")
        with self._database.read() as connection:
            value = connection.execute(query).scalar()
        at = float(value.split()[0]) if value else 0.0
        return abs(self._clock() - at) < _PROBE_IS_FRESH_S

    def _scrubbed(self) -> bool:
        """Whether the files are clear; what was done stands either way."""
        try:
            return self._database.scrub()
        except StoreUnavailable:
            return False

    def _note(
        self, connection: Connection, type_: str, details: Mapping[str, Any], **about: str
    ) -> None:
        entry = replace(Entry.of(type_, about), details=details)
        made = stamped(entry, self._clock(), self._config.service_version)
        append.append(connection, [append.prepare(made)])


def _told(hold: Hold) -> dict[str, str]:
    return {"hold": hold.id, "reference": hold.reference}


def _subject(hold: Hold) -> dict[str, str]:
    fields = {"patient": "patient_pseudonym", "consultation": "consultation"}
    return {fields[hold.kind]: hold.subject}
