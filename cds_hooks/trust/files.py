"""Files and folders that are for their owner alone: how they are made, and how they are closed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

__all__ = ["chmod", "chmod_hint", "make_folder"]


def chmod_hint(*places: Path, mode: str = "600", done: str = "read") -> str:
    """The hint for files or folders that others may read (or have `done` else with): the command
    that closes them."""
    return f"Run `{chmod(places, mode)}`, and think about who may have {done} it."


def chmod(places: Iterable[Path], mode: str) -> str:
    """The command, as a shell takes it."""
    return f"chmod {mode} {' '.join(shlex.quote(str(place)) for place in places)}"


def make_folder(path: Path) -> None:
    """A folder for its owner alone, with those above it that are not there yet; one that is there
    stays as it is. `Path.mkdir` would leave those above as open as the umask has it.

    Raises OSError.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:  # somebody else made it just now, unless it is a file
        if not path.is_dir():
            raise
