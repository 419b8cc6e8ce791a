"""Errors of the store: unavailable for now, or refused until a person acts."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError

from cds_hooks.errors import ChartsideError

__all__ = [
    "KeyRefused",
    "RecordErased",
    "RecordUnreadable",
    "StoreRefused",
    "StoreUnavailable",
    "StoreVersionUnsupported",
    "reason_of",
    "unavailable",
]


class KeyRefused(ChartsideError):
    """The site key's file or its key provider is missing, open to others, or unusable."""

    code = "site-key-refused"


class StoreUnavailable(ChartsideError):
    """The store cannot be read or written now; the next call tries again by itself.

    `reason` is one of the keys of `HINTS`: stable words for /readyz, metrics and logs.
    """

    code = "store-unavailable"
    status = 503
    issue = "transient"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is unavailable ({reason})", hint=HINTS[reason])
        self.reason = reason


class StoreRefused(ChartsideError):
    """The store must not be used as it is: wrong permissions, another site key."""

    code = "store-refused"


class StoreVersionUnsupported(StoreRefused):
    """The database has another schema version than this service reads and writes."""

    code = "store-version-unsupported"

    def __init__(self, found: str, needed: str) -> None:
        hint = "Start the service version that made it, or move it away to begin an empty store."
        message = f"the store has schema version {found}, this service needs {needed}"
        super().__init__(message, hint=hint)


class RecordUnreadable(ChartsideError):
    """A stored record is damaged, was changed, or has another format than this version reads."""

    code = "record-unreadable"


class RecordErased(RecordUnreadable):
    """The data key of a stored record was erased: nobody can read it any more."""

    code = "record-erased"
    status = 404
    issue = "not-found"

    def __init__(self, *, where: str = "") -> None:
        hint = "Nothing brings it back; the ledger tells when that was done."
        super().__init__("the record was erased", where=where, hint=hint)


HINTS = {
    "disk-full": "Free space on its disk; no restart is needed.",
    "low-space": "Free space on its disk before it is full; no restart is needed.",
    "file-deleted": "A file that is written into was deleted: stop every program that uses the "
    "store, start the service again, and run `chartside audit verify` with a witness.",
    "read-only": "Make its folder writable for the service's user; no restart is needed.",
    "locked": "Another program has locked it; end that program or wait.",
    "corrupt": "Restore it from a backup, or move it away to begin an empty one.",
    "io-error": "Look at the kernel's log: the disk reports errors.",
    "cannot-open": "See that its folder exists and belongs to the service's user.",
    "timeout": "The disk or database answers too slowly; look at its load.",
    "unreachable": "Look whether the database is up and lets the service in.",
    "ledger-broken": "Keep the store as it is, run `chartside audit verify`: somebody wrote into "
    "it, or it is damaged. Restore it from a backup; no restart is needed.",
    "backlog": "More is waiting to be written than the setting allows; look at the disk's load.",
    "key-device": "The device with the site key does not answer: look at it, at its module's log "
    "and with `chartside audit key`. After a refused PIN: restart once the PIN is right.",
    "key-vault": "Vault does not open the site key: look whether it is up and unsealed, and "
    "whether the token still has its policy; no restart is needed.",
    "key-vault-untrusted": "Vault's certificate is refused: look at key_vault.authority, the "
    "certificate's names and dates, and whether it is as RFC 5280 asks "
    "(docs/operators/certificates.md).",
    "closed": "The service is stopping.",
    "database-error": "Look at the database's own log.",
}

_BY_SQLITE = {
    sqlite3.SQLITE_FULL: "disk-full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_IOERR: "io-error",
    sqlite3.SQLITE_CANTOPEN: "cannot-open",
}

_BY_ERRNO = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EFBIG: "disk-full",
    errno.EROFS: "read-only",
    errno.EACCES: "read-only",
    errno.EPERM: "read-only",
    errno.EIO: "io-error",
}

# PostgreSQL's SQLSTATE; None is an error of the connection, which has no state.
_BY_STATE = {
    None: "unreachable",
    "08006": "unreachable",
    "25006": "read-only",
    "53100": "disk-full",
    "53300": "unreachable",
    "55P03": "locked",
    "57014": "timeout",
    "57P01": "unreachable",
    "57P03": "unreachable",
    "XX001": "corrupt",
    "XX002": "corrupt",
}


def reason_of(error: BaseException) -> str:
    """The stable word for a database's or the file system's error."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if isinstance(error, sqlite3.Error):
        extended = getattr(error, "sqlite_errorcode", None) or 0
        return _BY_SQLITE.get(extended & 0xFF, "database-error")
    if hasattr(error, "sqlstate"):
        return _BY_STATE.get(error.sqlstate, "database-error")
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, "cannot-open")
    return "database-error"


def unavailable(error: BaseException) -> StoreUnavailable:
    """The error to raise in place of a driver's, whose text may contain statements and values."""
    return StoreUnavailable(reason_of(error))
