"""The connection to the store: SQLite (WAL, every commit synced) or PostgreSQL by URL.

After a fault the next use opens and checks the database again. So the service recovers by itself
when the disk is back, and a file put in the store's place is checked before it is used.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from cds_hooks.audit import tables
from cds_hooks.audit.schema import prepare_schema
from cds_hooks.audit.sqlite_files import free_bytes, is_deleted_in_use, make_private
from cds_hooks.audit.store_errors import StoreRefused, StoreUnavailable, unavailable

__all__ = ["Database", "DatabaseConfig", "insert_on_conflict"]

# auto_vacuum has to come before the first table. secure_delete overwrites what is deleted, and
# temporary tables stay in memory: patient content is in no file but the store's own.
_PRAGMAS = (
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
)

_VACUUM = (
    "SET statement_timeout = '10min'",
    "VACUUM data_keys, consultations, feedback, cards, reviews, trial_outcomes",
    "RESET statement_timeout",
)
_CONNECT_S = 3
_STATEMENT_MS = 5000
_DURABLE = {"synchronous_commit": "on"}
# Any number, but always the same one: the key of PostgreSQL's advisory lock.
_SCHEMA_LOCK = 0x43485253


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """Where the store is: a path (SQLite) or an SQLAlchemy URL.

    `lock_timeout_s` is how long to wait for another program's lock; with less than
    `reserve_bytes` free on its disk the store says that it is not writable.
    """

    place: Path | str
    lock_timeout_s: float = 1.0
    reserve_bytes: int = 16 * 1024 * 1024

    @property
    def url(self) -> URL:
        if isinstance(self.place, Path):
            return URL.create("sqlite", database=str(self.place.absolute()))
        try:
            return make_url(self.place)
        except SQLAlchemyError:  # its text holds the URL, and that may hold a password
            hint = "Write it like postgresql+psycopg://user@host/database."
            raise StoreRefused("the store's URL cannot be read", hint=hint) from None

    @property
    def file(self) -> Path | None:
        """The file of an SQLite store. Raises StoreRefused for one in memory."""
        if self.url.get_backend_name() != "sqlite":
            return None
        if self.url.database in (None, "", ":memory:"):
            hint = "Give a path: what is in memory is lost at the next stop."
            raise StoreRefused("a store in memory keeps no record", hint=hint)
        return Path(str(self.url.database))


class Database:
    """Transactions on a database that is private, of our schema version and of our site key.

    `key_id` names the site key that the store belongs to from its first opening on. `on_open` runs
    in each transaction that opens the database: it may be a restored backup.
    """

    def __init__(
        self,
        config: DatabaseConfig,
        key_id: str,
        on_open: Callable[[Connection], None] = lambda _connection: None,
    ) -> None:
        self._config = config
        self._on_open = on_open
        self._file = config.file
        self._key_id = key_id
        self._engine = _engine(config)
        # SQLite's readers see one state in any case; PostgreSQL's do at this level.
        level = {} if self._file else {"isolation_level": "REPEATABLE READ"}
        self._reading = self._engine.execution_options(**level)
        self._lock = threading.Lock()
        self._file_identity: tuple[int, int] | None = None
        self._ready = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its beginning; durable when it ends.

        Raises StoreUnavailable, and StoreRefused when the store is not fit for use.
        """
        with self._faults():
            self._make_ready()
            with self._engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; it sees one state and waits for no writer."""
        with self._faults():
            self._make_ready()
            with self._reading.begin() as connection:
                yield connection

    def compact(self) -> bool:
        """Return the space of deleted records, and remove them from the write-ahead log.

        False when a reader kept the log from being emptied: the next call does it. PostgreSQL
        does all this by itself.
        """
        if self._file is None:
            return True
        with self._faults(), closing(self._engine.raw_connection()) as connection:
            for pragma in ("incremental_vacuum", "wal_checkpoint(TRUNCATE)"):
                with closing(connection.cursor()) as cursor:
                    cursor.execute(f"PRAGMA {pragma}")
                    found = cursor.fetchall()
        return bool(found) and found[0][0] == 0

    def scrub(self) -> bool:
        """Remove deleted data from the files at once, on either database; see `compact`.

        PostgreSQL's own log, archive and replicas are not reached.
        """
        if self._file is not None:
            return self.compact()
        with self._faults(), self._engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in _VACUUM:
                alone.exec_driver_sql(statement)
        return True

    def require_files(self) -> None:
        """Raise StoreUnavailable when the disk is so full that the next records may not fit, or
        when a file that is written into was deleted."""
        with self._faults():
            if self._file and is_deleted_in_use(self._file):
                raise StoreUnavailable("file-deleted")
            if self._file and free_bytes(self._file) < self._config.reserve_bytes:
                raise StoreUnavailable("low-space")

    def close(self) -> None:
        """Close every connection; the last one of SQLite empties its write-ahead log."""
        with self._lock:
            self._ready = False
            self._engine.dispose()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # who reads a command's output has ended, not the store
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            fault = unavailable(error)
            # With a full disk nothing could be opened again, but what is open can still be read.
            if fault.reason not in ("disk-full", "locked"):
                self.close()
            raise fault from None

    def _make_ready(self) -> None:
        with self._lock:
            if self._ready and self._file_identity == self._current_file():
                return
            self._ready = False
            self._engine.dispose()
            if self._file:
                make_private(self._file)
            with self._engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
                _lock_schema(connection)
                prepare_schema(connection)
                _require_key(connection, self._key_id)
                self._on_open(connection)
            self._file_identity = self._current_file()
            self._ready = True

    def _current_file(self) -> tuple[int, int] | None:
        """Device and inode of the store's file: a deleted one could still be written, in vain."""
        try:
            status = self._file.stat() if self._file else None
        except FileNotFoundError:
            return None
        return (status.st_dev, status.st_ino) if status else None


def insert_on_conflict(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that takes ON CONFLICT, of the connection's dialect."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _engine(config: DatabaseConfig) -> Engine:
    try:
        return _make_engine(config)
    except (ImportError, SQLAlchemyError):  # their texts may hold the URL's password
        hint = "Give a path, or a URL of a database whose driver is installed."
        raise StoreRefused("the store's URL cannot be used", hint=hint) from None


def _make_engine(config: DatabaseConfig) -> Engine:
    # Parameters are patient content: they are hidden from every message of the driver.
    if config.file is None:
        arguments = _postgresql(config) if config.url.get_backend_name() == "postgresql" else {}
        return create_engine(
            config.url, hide_parameters=True, pool_pre_ping=True, connect_args=arguments
        )
    bounds = {"timeout": config.lock_timeout_s}
    engine = create_engine(config.url, hide_parameters=True, connect_args=bounds)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(config: DatabaseConfig) -> dict[str, Any]:
    """Bounds for a server that hangs, and a commit that is on its disk when it returns."""
    lock_ms = int(1000 * config.lock_timeout_s)
    options = {"lock_timeout": lock_ms, "statement_timeout": _STATEMENT_MS, **_DURABLE}
    flags = " ".join(f"-c {name}={value}" for name, value in options.items())
    return {"connect_timeout": _CONNECT_S, "options": flags}


def _lock_schema(connection: Connection) -> None:
    """Let one process at a time create the tables; SQLite's write lock does so already."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Python's driver begins transactions late and not for every statement: we begin them.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    if statement := connection.get_execution_options().get("begin", "BEGIN"):
        connection.exec_driver_sql(statement)


def _require_key(connection: Connection, key_id: str) -> None:
    """Refuse a store of another site key: none of its pseudonyms could be found again."""
    column = tables.store_metadata.c
    known = connection.execute(select(column.value).where(column.name == "site-key-id")).scalar()
    if known is None:
        row = {"name": "site-key-id", "value": key_id}
        connection.execute(insert_on_conflict(connection, tables.store_metadata).values(row))
    elif known != key_id:
        hint = "Restore the site key that belongs to this store, or begin an empty store."
        raise StoreRefused("the store belongs to another site key", hint=hint)
