"""Backups of a running SQLite store. A backup counts once it was read whole.

Payloads in a backup are encrypted as in the store: it is worth nothing without the site key, which
belongs elsewhere. PostgreSQL is backed up by its own programs; `integrity_check` reads what they
restored. `restore` puts a backup back.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.integrity_check import IntegrityReport, check_integrity
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.schema import require_schema_version
from cds_hooks.audit.store_config import StoreConfig
from cds_hooks.audit.store_errors import StoreRefused, unavailable
from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import sync

__all__ = [
    "BackupRefused",
    "check_backup",
    "create_backup",
    "create_private_file",
    "driver_faults",
    "open_database_file",
    "open_read_only",
    "require_whole",
    "store_file",
]

Progress = Callable[[int, int], None]

_PAGES = 1024


class BackupRefused(ChartsideError):
    """A backup cannot be made or restored as asked."""

    code = "backup-refused"
    status = 409
    issue = "conflict"


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
    source = store_file(config)
    if not source.exists():
        raise BackupRefused("there is no store to copy", where=str(source), hint="See store.path.")
    created = create_private_file(to)
    try:
        _copy_consistently(source, created, progress)
        sync(created)
        return require_whole(check_backup(created, key, keys), to)
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
    engine = create_engine(
        "sqlite://", creator=lambda: open_read_only(backup), hide_parameters=True
    )
    try:
        with driver_faults(), engine.begin() as connection:
            require_schema_version(connection)
            _require_same_site(connection, key)
            return check_integrity(connection, PayloadCipher(key), keys, progress)
    finally:
        engine.dispose()


def _copy_consistently(source: Path, target: Path, progress: Progress) -> None:
    with (
        driver_faults(),
        closing(open_read_only(source)) as old,
        closing(open_database_file(target)) as new,
    ):
        old.execute("BEGIN")  # one state, whatever is written meanwhile
        old.execute("SELECT count(*) FROM sqlite_master").fetchall()
        old.backup(new, pages=_PAGES, progress=lambda _, left, of: progress(of - left, of))
        new.execute("PRAGMA journal_mode = DELETE")  # a backup is one file


def require_whole(checked: IntegrityReport, where: Path | str) -> IntegrityReport:
    """The report of a copy that can be read whole. Raises BackupRefused."""
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


def store_file(config: StoreConfig) -> Path:
    """The file of the store. Raises BackupRefused for another database."""
    file = config.file
    if file is None:
        hint = (
            "Use pg_dump --format=custom and pg_restore; then: chartside audit restore --in-place. "
            "Opening the restored database erases again what the erasure log lists."
        )
        raise BackupRefused("a PostgreSQL database is copied by its own programs", hint=hint)
    return file


def create_private_file(path: Path) -> Path:
    """An empty file of mode 0600 that was not there. Raises BackupRefused."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        hint = "Name a file that is not there."
        raise BackupRefused("there is a file already", where=str(path), hint=hint) from None
    except OSError as error:
        hint = f"See that its folder exists and can be written ({error.strerror})."
        raise BackupRefused("the file cannot be created", where=str(path), hint=hint) from None
    return path


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def open_database_file(path: Path) -> sqlite3.Connection:
    """A connection that begins no transaction by itself."""
    return sqlite3.connect(path, isolation_level=None)


@contextmanager
def driver_faults() -> Iterator[None]:
    """Errors of the driver as StoreUnavailable."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise unavailable(error) from None
