"""Operations by hand: erase a patient, place a hold, rotate the site key, check the whole store.

Each is one transaction with its ledger record. All may be done while the service runs, except a
rotation, after which the service must be restarted.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, func, select

from cds_hooks.audit import legal_holds, seen_tokens, tables
from cds_hooks.audit.encryption import ERASED, PayloadCipher
from cds_hooks.audit.encryption.erasure import ErasedRecords, erase_patient, reapply_erasures
from cds_hooks.audit.encryption.rotation import rewrap_data_keys
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.integrity_check import IntegrityReport, check_integrity
from cds_hooks.audit.ledger import checkpoint_storage, storage
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.enrichment import enrich, format_utc, with_pseudonyms
from cds_hooks.audit.ledger.epoch_start import NewEpoch, describe_epoch, sign_epoch
from cds_hooks.audit.ledger.epochs import RESTORED, EpochBegin
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.legal_holds import Hold, HoldKind
from cds_hooks.audit.store_config import StoreConfig, open_database
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.audit.switches import SwitchChange, SwitchedOff, apply_change, switched_off

__all__ = ["STORE_IN_USE_HINT", "Erasure", "KeyOperations", "LastState", "Restored"]

_HEARTBEAT_FRESH_S = 20.0

STORE_IN_USE_HINT = (
    f"Stop it if it runs. If it was stopped or killed just now, wait {_HEARTBEAT_FRESH_S:.0f} "
    "seconds: it shows as running until its last sign of life is that old."
)
"""For who needs a stopped service: a service leaves its last sign of life behind when it ends."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased. `scrubbed` tells whether the database's files are free of the old key: while
    a service reads them, that happens later."""

    records: ErasedRecords
    scrubbed: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """The epoch that a restore began, its first signed checkpoint, what was erased again, and which
    services stay off that the copy had on."""

    begin: EpochBegin
    note: str
    erased: ErasedRecords
    stay_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastState:
    """The checkpoints of a store, how many records its ledger has, and what is switched off."""

    notes: list[str]
    records: int
    off: tuple[SwitchedOff, ...] = ()


class KeyOperations:
    """A store as its operators use it; closed at the end of a `with` block."""

    def __init__(
        self, config: StoreConfig, key: SiteKey, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._key = key
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

    def erase(self, patient_key: str) -> Erasure:
        """Erase a patient's data key. Raises HoldRefused while one of their records is held."""
        now = self._clock()
        with self._database.write() as connection:
            legal_holds.require_not_held(connection, patient_key)
            records = erase_patient(connection, patient_key, now)
            details = {**asdict(records), "keys": list(records.keys)}
            self._append(connection, "patient-erased", details, patient_pseudonym=patient_key)
        if self._config.erased_keys:
            with self._database.write() as connection:
                reapply_erasures(connection, self._config.erased_keys, now)
        return Erasure(records, self._scrub())

    def count_readable(self, patient_key: str) -> int:
        """How many consultations of a patient can be read."""
        column = tables.consultations.c
        query = select(func.count()).where(column.patient_key == patient_key)
        with self._database.read() as connection:
            readable = query.where(column.payload_format != ERASED)
            return connection.execute(readable).scalar_one()

    def place_hold(self, kind: HoldKind, subject: str, reference: str) -> Hold:
        """Hold a patient's records or one consultation. Raises HoldRefused."""
        with self._database.write() as connection:
            hold = legal_holds.place_hold(connection, kind, subject, reference, self._clock())
            self._append(connection, "hold-placed", _details(hold), **_subject(hold))
        return hold

    def release_hold(self, hold_id: str) -> Hold:
        """Release a hold. Raises HoldRefused."""
        with self._database.write() as connection:
            hold = legal_holds.release_hold(connection, hold_id, self._clock())
            self._append(connection, "hold-released", _details(hold), **_subject(hold))
        return hold

    def active_holds(self) -> tuple[Hold, ...]:
        """The holds that are not released."""
        with self._database.read() as connection:
            return legal_holds.active_holds(connection)

    def rotate(
        self, new: SiteKey, progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> int:
        """Wrap every data key with a new site key, the store's from then on; returns how many.

        Raises StoreRefused, RecordUnreadable: then nothing has changed.
        """
        with self._database.write() as connection:
            count = rewrap_data_keys(connection, self._key, new, progress)
            details = {"keys": count, "old_key": self._key.key_id, "new_key": new.key_id}
            self._append(connection, "site-key-rotated", details)
        self._scrub()
        return count

    def begin_epoch(
        self,
        new: NewEpoch,
        erased_keys: Path | None,
        records: int,
        off: Sequence[SwitchedOff] = (),
    ) -> Restored:
        """Erase again what was erased since this copy was made, and begin an epoch of the ledger:
        record the restore, sign that, and refuse every token that was issued before.

        `records` is how many payloads the copy has. Services that are `off` in the replaced store
        stay off. Raises LedgerForked.
        """
        now = self._clock()
        with self._database.write() as connection:
            again = (
                reapply_erasures(connection, erased_keys, now) if erased_keys else ErasedRecords()
            )
            at = format_utc(now)
            begin = replace(describe_epoch(connection, new), recorded=at)
            counts = {"records": records, "keys_erased_again": len(again.keys)}
            who = with_pseudonyms(new.user, self._key)
            details = {**begin.details(), **counts}
            self._append(connection, RESTORED, details, recorded=at, **who)
            note = sign_epoch(connection, new, begin.epoch, at)
            seen_tokens.refuse_until(connection, now)
            stay_off = self._keep_off(connection, off, who.get("user_ref", ""))
        return Restored(begin, note, again, stay_off)

    def last_state(self) -> LastState:
        """What a restore takes over from this store before it replaces it."""
        with self._database.read() as connection:
            notes, size = checkpoint_storage.notes(connection), storage.head(connection).size
            return LastState(notes, size, switched_off(connection))

    def _keep_off(
        self, connection: Connection, off: Sequence[SwitchedOff], user_ref: str
    ) -> tuple[str, ...]:
        """Switch off what is on only in the copy; the first checkpoint of the service covers it."""
        kept: list[str] = []
        for each in off:
            row = replace(each, event_id=str(uuid.uuid4()))
            change = SwitchChange(row, True, user_ref, details={"restored": True})
            entry = apply_change(connection, change, lambda user: user)
            if entry is not None:
                entry = enrich(entry, self._clock(), self._config.service_version)
                storage.append(connection, [storage.prepare(entry)])
                kept.append(each.scope)
        return tuple(kept)

    def check_integrity(
        self,
        keys: Sequence[CheckpointVerifier] = (),
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> IntegrityReport:
        """Read the whole store: every payload, and the ledger."""
        with self._database.read() as connection:
            return check_integrity(connection, PayloadCipher(self._key), keys, progress)

    def is_in_use(self) -> bool:
        """Whether a service has written its heartbeat within the last 20 seconds."""
        column = tables.store_metadata.c
        query = select(column.value).where(column.name == "last-probe")
        with self._database.read() as connection:
            value = connection.execute(query).scalar()
        at = float(value.split()[0]) if value else 0.0
        return abs(self._clock() - at) < _HEARTBEAT_FRESH_S

    def _scrub(self) -> bool:
        """Whether the files are free of what was deleted; the operation stands either way."""
        try:
            return self._database.scrub()
        except StoreUnavailable:
            return False

    def _append(
        self,
        connection: Connection,
        type_: str,
        details: Mapping[str, Any],
        **fields: str,
    ) -> None:
        entry = replace(Entry.of(type_, fields), details=details)
        entry = enrich(entry, self._clock(), self._config.service_version)
        storage.append(connection, [storage.prepare(entry)])


def _details(hold: Hold) -> dict[str, str]:
    return {"hold": hold.id, "reference": hold.reference}


def _subject(hold: Hold) -> dict[str, str]:
    fields = {"patient": "patient_pseudonym", "consultation": "consultation"}
    return {fields[hold.kind]: hold.subject}
