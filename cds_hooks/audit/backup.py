"""Copies of a running SQLite store, and putting one back. A copy that was not read whole is none.

A copy holds payloads as they are in the store: sealed. It is worth nothing without the site key,
which belongs elsewhere. PostgreSQL is copied by its own programs; `checking` reads what they
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

from cds_hooks.audit.checking import Checked, check
from cds_hooks.audit.custody import Custodian
from cds_hooks.audit.database import DatabaseConfig
from cds_hooks.audit.errors import StoreRefused, StoreUnavailable, unavailable
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.ledger.signing import PublicKey
from cds_hooks.audit.sealing import Sealer
from cds_hooks.audit.sealing.erasing import Erased
from cds_hooks.audit.store import StoreConfig
from cds_hooks.errors import ChartsideError
from cds_hooks.trust.files import make_folder

__all__ = ["BackupRefused", "Restored", "back_up", "check_copy", "restore"]

Progress = Callable[[int, int], None]

_PAGES = 1024


class BackupRefused(ChartsideError):
    """A copy cannot be made or put back as asked."""

    code = "backup-refused"
    status = 409
    issue = "conflict"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, and what of it had been erased since the copy was made."""

    checked: Checked
    erased: Erased


def _quiet(_done: int, _all: int) -> None:
    return


def back_up(
    config: StoreConfig,
    key: SiteKey,
    to: Path,
    keys: Sequence[PublicKey] = (),
    progress: Progress = _quiet,
) -> Checked:
    """Copy the store as it is at one moment, while it is used, and read the copy whole.

    Raises BackupRefused, StoreUnavailable; then there is no copy.
    """
    source = _file(config)
    if not source.exists():
        raise BackupRefused("there is no store to copy", where=str(source), hint="See store.path.")
    made = _new_private(to)
    try:
        with _driver_faults(), closing(_read_only(source)) as have, closing(_open(made)) as copy:
            have.execute("BEGIN")  # one state, whatever is written meanwhile
            have.execute("SELECT count(*) FROM migrations").fetchall()
            have.backup(copy, pages=_PAGES, progress=lambda _, left, of: progress(of - left, of))
            copy.execute("PRAGMA journal_mode = DELETE")  # a copy is one file
        _sync(made)
        return _whole(check_copy(made, key, keys), to)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def check_copy(
    copy: Path, key: SiteKey, keys: Sequence[PublicKey] = (), progress: Progress = _quiet
) -> Checked:
    """Read a copy whole, without changing it. Raises StoreUnavailable, StoreRefused."""
    engine = create_engine("sqlite://", creator=lambda: _read_only(copy), hide_parameters=True)
    try:
        with _driver_faults(), engine.begin() as connection:
            _require_same_site(connection, key)
            return check(connection, Sealer(key), keys, progress)
    finally:
        engine.dispose()


def restore(
    copy: Path,
    config: StoreConfig,
    key: SiteKey,
    keys: Sequence[PublicKey] = (),
    *,
    replace_it: bool = False,
    clock: Callable[[], float] = time.time,
) -> Restored:
    """Put a copy in the store's place, erase again what was erased since, and record that.

    The service must be stopped. Raises BackupRefused, StoreRefused, StoreUnavailable; then the
    store is as it was.
    """
    place = _file(config)
    if place.exists():
        if not replace_it:
            hint = "Move it away, or give --replace if its records may be lost."
            raise BackupRefused("there is a store already", where=str(place), hint=hint)
        _take_leave_of(config, key, clock)
    checked = _whole(check_copy(copy, key, keys), copy)
    make_folder(place.parent)
    made = _new_private(place.with_name(f".{place.name}.restored"))
    try:
        with _driver_faults(), closing(_read_only(copy)) as have, closing(_open(made)) as put:
            have.backup(put)
        beside = replace(config, place=made, erased_keys=None)
        with Custodian(beside, key, clock=clock) as custodian:
            erased = custodian.restored(checked.opened, config.erased_keys)
        for companion in ("-wal", "-shm"):
            place.with_name(place.name + companion).unlink(missing_ok=True)
        _sync(made)
        made.replace(place)
        _sync(place.parent)
    except BaseException:
        for companion in ("", "-wal", "-shm"):
            made.with_name(made.name + companion).unlink(missing_ok=True)
        raise
    return Restored(checked, erased)


def _take_leave_of(config: StoreConfig, key: SiteKey, clock: Callable[[], float]) -> None:
    """Carry marks of erased keys over from the store that is there, if it can be read at all."""
    with suppress(StoreUnavailable), Custodian(config, key, clock=clock) as custodian:
        if custodian.is_in_use():
            raise BackupRefused("a service uses the store", hint="Stop it first.")


def _whole(checked: Checked, where: Path) -> Checked:
    if checked.is_whole:
        return checked
    wrong = [*checked.damage, checked.ledger, "payloads" if checked.unreadable else ""]
    wrong.append("earlier-state" if checked.earlier else "")
    told = ", ".join(word for word in wrong if word)
    hint = "Look at the store itself: chartside audit check."
    raise BackupRefused(f"the copy cannot be read whole ({told})", where=str(where), hint=hint)


def _require_same_site(connection: Connection, key: SiteKey) -> None:
    query = "SELECT value FROM store_facts WHERE name = 'site-key-id'"
    known = connection.exec_driver_sql(query).scalar()
    if known != key.key_id:
        hint = f"It takes the site key {known}: one that was rotated away opens its old copies."
        raise StoreRefused("the copy belongs to another site key", hint=hint)


def _file(config: StoreConfig) -> Path:
    file = DatabaseConfig(config.place).file
    if file is None:
        hint = (
            "Use pg_dump --format=custom and pg_restore; then: chartside audit check. Opening the "
            "restored database erases again what the marks of erased keys name."
        )
        raise BackupRefused("a PostgreSQL database is copied by its own programs", hint=hint)
    return file


def _new_private(path: Path) -> Path:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        hint = "Name a file that is not there."
        raise BackupRefused("there is a file already", where=str(path), hint=hint) from None
    except OSError as error:
        hint = f"See that its folder exists and can be written ({error.strerror})."
        raise BackupRefused("the file cannot be made", where=str(path), hint=hint) from None
    return path


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _driver_faults() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise unavailable(error) from None
