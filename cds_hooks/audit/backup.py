"""Backups of a running SQLite store, and restoring one. A backup counts once it was read whole.

Payloads in a backup are encrypted as in the store: it is worth nothing without the site key, which
belongs elsewhere. PostgreSQL is backed up by its own programs; `integrity_check` reads what they
restored.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.encryption.erasure import ErasedRecords
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.integrity_check import IntegrityReport, check_integrity
from cds_hooks.audit.key_operations import STORE_IN_USE_HINT, KeyOperations
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.schema import require_schema_version
from cds_hooks.audit.store_config import StoreConfig
from cds_hooks.audit.store_errors import StoreRefused, StoreUnavailable, unavailable
from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import make_folder, sync

__all__ = ["BackupRefused", "RestoreResult", "check_backup", "create_backup", "restore_backup"]

Progress = Callable[[int, int], None]

_PAGES = 1024
_COMPANIONS = ("-wal", "-shm")


class BackupRefused(ChartsideError):
    """A backup cannot be made or restored as asked."""

    code = "backup-refused"
    status = 409
    issue = "conflict"


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was restored, and what of it had been erased since the backup was made."""

    checked: IntegrityReport
    erased: ErasedRecords


def _no_progress(_done: int, _all: int) -> None:
    return


def create_backup(
    config: StoreConfig,
    key: SiteKey,
    to: Path,
    keys: Sequence[CheckpointVerifier] = (),
    progress: Progress = _no_progress,
) -> IntegrityReport:
    """Copy the store as it is at one moment, while it is in use, and read the copy whole.

    Raises BackupRefused, StoreUnavailable; then no copy is left.
    """
    source = _file(config)
    if not source.exists():
        raise BackupRefused("there is no store to copy", where=str(source), hint="See store.path.")
    created = _create_private(to)
    try:
        _copy_consistently(source, created, progress)
        sync(created)
        return _require_whole(check_backup(created, key, keys), to)
    except BaseException:
        created.unlink(missing_ok=True)
        raise


def check_backup(
    backup: Path,
    key: SiteKey,
    keys: Sequence[CheckpointVerifier] = (),
    progress: Progress = _no_progress,
) -> IntegrityReport:
    """Read a backup whole, without changing it. Raises StoreUnavailable, StoreRefused."""
    engine = create_engine("sqlite://", creator=lambda: _read_only(backup), hide_parameters=True)
    try:
        with _driver_faults(), engine.begin() as connection:
            require_schema_version(connection)
            _require_same_site(connection, key)
            return check_integrity(connection, PayloadCipher(key), keys, progress)
    finally:
        engine.dispose()


def restore_backup(
    backup: Path,
    config: StoreConfig,
    key: SiteKey,
    keys: Sequence[CheckpointVerifier] = (),
    *,
    replace_store: bool = False,
    clock: Callable[[], float] = time.time,
) -> RestoreResult:
    """Put a backup in the store's place, erase again what was erased since, and record that.

    The service must be stopped. Raises BackupRefused, StoreRefused, StoreUnavailable; then the
    store is as it was.
    """
    place = _file(config)
    if place.exists():
        if not replace_store:
            hint = "Move it away, or give --replace if its records may be lost."
            raise BackupRefused("there is a store already", where=str(place), hint=hint)
        _update_erasure_log(config, key, clock)
    checked = _require_whole(check_backup(backup, key, keys), backup)
    make_folder(place.parent)
    created = _create_private(place.with_name(f".{place.name}.restored"))
    try:
        with _driver_faults(), closing(_read_only(backup)) as old, closing(_open(created)) as new:
            old.backup(new)
        beside = replace(config, place=created, erased_keys=None)
        with KeyOperations(beside, key, clock=clock) as operations:
            erased = operations.finish_restore(checked.opened, config.erased_keys)
        _replace(place, created)
    except BaseException:
        for suffix in ("", *_COMPANIONS):
            created.with_name(created.name + suffix).unlink(missing_ok=True)
        raise
    return RestoreResult(checked, erased)


def _copy_consistently(source: Path, target: Path, progress: Progress) -> None:
    with _driver_faults(), closing(_read_only(source)) as old, closing(_open(target)) as new:
        old.execute("BEGIN")  # one state, whatever is written meanwhile
        old.execute("SELECT count(*) FROM sqlite_master").fetchall()
        old.backup(new, pages=_PAGES, progress=lambda _, left, of: progress(of - left, of))
        new.execute("PRAGMA journal_mode = DELETE")  # a backup is one file


def _replace(place: Path, restored: Path) -> None:
    for suffix in _COMPANIONS:
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    sync(restored)
    restored.replace(place)
    sync(place.parent)


def _update_erasure_log(config: StoreConfig, key: SiteKey, clock: Callable[[], float]) -> None:
    """Add the erasures of the store that is there, if it can be read at all, to the log."""
    with suppress(StoreUnavailable), KeyOperations(config, key, clock=clock) as operations:
        if operations.is_in_use():
            raise BackupRefused("a service uses the store", hint=STORE_IN_USE_HINT)


def _require_whole(checked: IntegrityReport, where: Path) -> IntegrityReport:
    if checked.is_whole:
        return checked
    faults = [*checked.damage, checked.ledger, "payloads" if checked.unreadable else ""]
    faults += ["earlier-state" if checked.earlier else ""]
    faults += ["unrecorded" if checked.unrecorded else ""]
    listed = ", ".join(fault for fault in faults if fault)
    hint = "Look at the store itself: chartside audit check."
    raise BackupRefused(f"the copy cannot be read whole ({listed})", where=str(where), hint=hint)


def _require_same_site(connection: Connection, key: SiteKey) -> None:
    query = "SELECT value FROM store_metadata WHERE name = 'site-key-id'"
    known = connection.exec_driver_sql(query).scalar()
    if known != key.key_id:
        hint = f"It takes the site key {known}: one that was rotated away opens its old copies."
        raise StoreRefused("the copy belongs to another site key", hint=hint)


def _file(config: StoreConfig) -> Path:
    file = config.file
    if file is None:
        hint = (
            "Use pg_dump --format=custom and pg_restore; then: chartside audit check. Opening the "
            "restored database erases again what the erasure log lists."
        )
        raise BackupRefused("a PostgreSQL database is copied by its own programs", hint=hint)
    return file


def _create_private(path: Path) -> Path:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        hint = "Name a file that is not there."
        raise BackupRefused("there is a file already", where=str(path), hint=hint) from None
    except OSError as error:
        hint = f"See that its folder exists and can be written ({error.strerror})."
        raise BackupRefused("the file cannot be created", where=str(path), hint=hint) from None
    return path


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


@contextmanager
def _driver_faults() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise unavailable(error) from None
