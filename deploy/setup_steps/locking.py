"""One set-up at a time in a checkout, and one build of a wheel at a time in a cache."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["only_one"]


@contextlib.contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; wait, and say so, while another process has it.

    The kernel frees the lock with its process, so a killed set-up never blocks the next one.
    Where the file system knows no locks (some network shares) that is said, and work goes on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            _take(file.fileno(), path, what)
        except OSError as error:
            print(f"{path} cannot be locked ({error.strerror}): start one set-up only", flush=True)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _take(descriptor: int, path: Path, what: str) -> None:
    """Take the lock, after a line that says whom this waits for."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text(encoding="ascii").strip() or "unknown"
        print(f"{what} (process {holder}): waiting until it has ended", flush=True)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
