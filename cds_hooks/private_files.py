"""Files and folders for their owner alone: read only when nobody else may, written whole."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from cds_hooks.errors import ChartsideError

__all__ = [
    "GROUP_AND_OTHERS",
    "OTHERS",
    "chmod",
    "chmod_hint",
    "create_private",
    "is_open",
    "make_folder",
    "read_private",
    "sync",
    "write_private",
]

GROUP_AND_OTHERS, OTHERS = 0o077, 0o007
_MAX_BYTES = 64 * 1024
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def read_private(
    path: Path,
    *,
    what: str,
    hint: str,
    error: type[ChartsideError],
    others: int = GROUP_AND_OTHERS,
    if_open: str = "",
) -> bytes:
    """The content of a small file that only its owner may read.

    Raises `error`: with `hint` when the file cannot be read, and when it has a mode bit of
    `others`, with `if_open` or else the command that closes it. `what` names it in messages.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise OSError("not a regular file")
            if not mode & others:
                return os.read(descriptor, _MAX_BYTES)
        finally:
            os.close(descriptor)
    except OSError:
        raise error(f"{what} cannot be read", where=str(path), hint=hint) from None
    who = "others" if others == OTHERS else "group or others"
    message = f"{who} may read {what}"
    raise error(message, where=str(path), hint=if_open or chmod_hint(path))


def create_private(path: Path, text: str) -> None:
    """Write a new file, durable before it is used; one that is there already stays as it is."""
    make_folder(path.parent)
    try:
        descriptor = os.open(path, _NEW_FILE, 0o600)
    except FileExistsError:
        return
    _write(descriptor, text)


def write_private(path: Path, text: str) -> None:
    """Write or replace a file, whole or not at all, durable before anything depends on it."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, _NEW_FILE, 0o600)
    try:
        _write(descriptor, text)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file or a folder's entries durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create a folder for its owner alone, with the missing ones above it; keep one that exists.

    `Path.mkdir` would leave those above as open as the umask has it. Raises OSError.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:  # another process made it just now, unless it is a file
        if not path.is_dir():
            raise


def is_open(path: Path, others: int = GROUP_AND_OTHERS) -> bool:
    """Whether a file or folder has a mode bit of `others`. Raises OSError."""
    return bool(path.stat().st_mode & others)


def chmod_hint(*places: Path, mode: str = "600", done: str = "read") -> str:
    """The hint for files or folders that others may read (or have `done` else with): the command
    that closes them."""
    return f"Run `{chmod(places, mode)}`, and think about who may have {done} it."


def chmod(places: Iterable[Path], mode: str) -> str:
    """The command, as a shell takes it."""
    return f"chmod {mode} {' '.join(shlex.quote(str(place)) for place in places)}"


def _write(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
