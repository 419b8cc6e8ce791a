"""The files of an SQLite store: only the service's user may read them."""

from __future__ import annotations

import os
from pathlib import Path

from cds_hooks.audit.store_errors import StoreRefused
from cds_hooks.private_files import chmod_hint, is_open, make_folder

__all__ = ["free_bytes", "make_private"]

# SQLite gives its write-ahead log and its shared memory file the mode of the main file.
_COMPANIONS = ("", "-wal", "-shm")


def make_private(path: Path) -> None:
    """Create the folder (0700) and the empty file (0600) of a store unless they are there.

    Raises StoreRefused when group or others may read what is there, OSError when it cannot
    be created.
    """
    make_folder(path.parent)
    _require_private(path.parent, "700")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for companion in _COMPANIONS:
        beside = path.with_name(path.name + companion)
        if beside.exists():
            _require_private(beside, "600")


def free_bytes(path: Path) -> int:
    """How many bytes an unprivileged user may still write on the disk of `path`."""
    status = os.statvfs(path.parent)
    return status.f_bavail * status.f_frsize


def _require_private(path: Path, mode: str) -> None:
    if is_open(path):
        hint = chmod_hint(path, mode=mode)
        raise StoreRefused("group or others may read the store", where=str(path), hint=hint)
