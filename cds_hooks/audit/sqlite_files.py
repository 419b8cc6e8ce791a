"""The files of an SQLite store: only the service's user may read them."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Container
from pathlib import Path

from cds_hooks.audit.store_errors import StoreRefused
from cds_hooks.private_files import chmod_hint, is_open, make_folder

__all__ = ["free_bytes", "is_deleted_in_use", "make_private"]

# SQLite gives its write-ahead log and its shared memory file the mode of the main file.
_COMPANIONS = ("", "-wal", "-shm")
_OPEN_FILES = Path("/proc/self/fd")
# Closing its last connection, SQLite deletes the log a moment before it closes it.
_MOMENT_S = 0.05


def make_private(path: Path) -> None:
    """Create the folder (0700) and the empty file (0600) of a store unless they are there.

    Raises StoreRefused when group or others may read what is there, OSError when it cannot
    be created.
    """
    make_folder(path.parent)
    _require_private(path.parent, "700")
    _create(path)
    for companion in _COMPANIONS:
        beside = path.with_name(path.name + companion)
        if beside.exists():
            _require_private(beside, "600")


def _create(path: Path) -> None:
    """Create the file unless it is there; one that is there is never opened.

    Closing it would give up every lock that this process holds on it by SQLite's connections
    (https://www.sqlite.org/howtocorrupt.html, 2.2). Another process that ends then takes itself for
    the last one and deletes the write-ahead log that this one goes on writing into.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def is_deleted_in_use(path: Path) -> bool:
    """Whether this process goes on with a file of the store that was deleted: what it writes there
    is lost. Only Linux tells; elsewhere False."""
    names = {f"{path.resolve()}{companion} (deleted)" for companion in _COMPANIONS}
    if not _is_any_open(names):
        return False
    time.sleep(_MOMENT_S)
    return _is_any_open(names)


def _is_any_open(names: Container[str]) -> bool:
    if not _OPEN_FILES.is_dir():
        return False
    for opened in _OPEN_FILES.iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            if str(opened.readlink()) in names:
                return True
    return False


def free_bytes(path: Path) -> int:
    """How many bytes an unprivileged user may still write on the disk of `path`."""
    status = os.statvfs(path.parent)
    return status.f_bavail * status.f_frsize


def _require_private(path: Path, mode: str) -> None:
    if is_open(path):
        hint = chmod_hint(path, mode=mode)
        raise StoreRefused("group or others may read the store", where=str(path), hint=hint)
