"""Restoring a store: a backup in its place, or one that other means have put back.

Either begins an epoch of the ledger, which is signed at once. The service must be stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from cds_hooks.audit.backup import (
    BackupRefused,
    check_backup,
    create_private_file,
    driver_faults,
    open_database_file,
    open_read_only,
    require_whole,
    store_file,
)
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.integrity_check import IntegrityReport
from cds_hooks.audit.key_operations import STORE_IN_USE_HINT, KeyOperations, LastState, Restored
from cds_hooks.audit.ledger.epoch_start import NewEpoch
from cds_hooks.audit.store_config import StoreConfig
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.private_files import make_folder, sync

_COMPANIONS = ("-wal", "-shm")
_DAMAGED = frozenset({"corrupt", "io-error", "ledger-broken", "database-error"})

__all__ = ["RestoreResult", "restore_backup", "restore_in_place"]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was restored, and the epoch that began with it."""

    checked: IntegrityReport
    restored: Restored


def restore_backup(
    backup: Path,
    config: StoreConfig,
    key: SiteKey,
    new: NewEpoch,
    *,
    replace_store: bool = False,
    clock: Callable[[], float] = time.time,
) -> RestoreResult:
    """Put a backup in the store's place, erase again what was erased since, and begin an epoch.

    Raises BackupRefused, StoreRefused, StoreUnavailable, LedgerForked; then the store is as it was.
    """
    place, last = store_file(config), None
    if place.exists():
        if not replace_store:
            hint = "Move it away, or give --replace if its records may be lost."
            raise BackupRefused("there is a store already", where=str(place), hint=hint)
        last = _last_state(config, key, clock)
    if last is not None:
        new = replace(new, known=(*new.known, last.notes), replaced_records=last.records)
    checked = require_whole(check_backup(backup, key, new.keys), backup)
    make_folder(place.parent)
    created = create_private_file(place.with_name(f".{place.name}.restored"))
    try:
        _copy(backup, created)
        beside = replace(config, place=created, erased_keys=None)
        with KeyOperations(beside, key, clock=clock) as operations:
            off = last.off if last else ()
            restored = operations.begin_epoch(new, config.erased_keys, checked.opened, off)
        _replace(place, created)
    except BaseException:
        for suffix in ("", *_COMPANIONS):
            created.with_name(created.name + suffix).unlink(missing_ok=True)
        raise
    return RestoreResult(checked, restored)


def restore_in_place(
    config: StoreConfig,
    key: SiteKey,
    new: NewEpoch,
    *,
    clock: Callable[[], float] = time.time,
) -> RestoreResult:
    """Begin an epoch in a store that other means have put back, such as pg_restore or a snapshot.

    Raises BackupRefused, StoreRefused, StoreUnavailable, LedgerForked; then nothing was recorded.
    """
    with KeyOperations(config, key, clock=clock) as operations:
        _require_unused(operations)
        checked = require_whole(operations.check_integrity(new.keys), config.file or "store.path")
        restored = operations.begin_epoch(new, config.erased_keys, checked.opened)
    return RestoreResult(checked, restored)


def _last_state(config: StoreConfig, key: SiteKey, clock: Callable[[], float]) -> LastState | None:
    """What the store that is there has signed and switched off; None for one that is damaged.

    Opening it adds its erasures to the erasure log. Raises StoreUnavailable for one that only
    cannot be read now: what it has that the backup has not would be given up without a word.
    """
    try:
        with KeyOperations(config, key, clock=clock) as operations:
            _require_unused(operations)
            return operations.last_state()
    except StoreUnavailable as error:
        if error.reason not in _DAMAGED:
            raise
        return None


def _require_unused(operations: KeyOperations) -> None:
    if operations.is_in_use():
        raise BackupRefused("a service uses the store", hint=STORE_IN_USE_HINT)


def _copy(backup: Path, created: Path) -> None:
    with (
        driver_faults(),
        closing(open_read_only(backup)) as old,
        closing(open_database_file(created)) as new,
    ):
        old.backup(new)


def _replace(place: Path, restored: Path) -> None:
    for suffix in _COMPANIONS:
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    sync(restored)
    restored.replace(place)
    sync(place.parent)
