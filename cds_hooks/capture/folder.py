"""A folder of captured files: private, bounded, named by numbers alone."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import GROUP_AND_OTHERS, chmod_hint, is_open, make_folder

__all__ = ["CaptureFolder", "CaptureRefused"]

_NAME = re.compile(r"exchange-(\d{6,9})-[0-9a-f]{8}\.json")
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MIB = 2**20


class CaptureRefused(ChartsideError):
    """Calls cannot be captured as asked."""

    code = "capture-refused"
    status = 400


class CaptureFolder:
    """Takes `most_files` files of `most_mib` MiB in all, those that are there included.

    A full folder takes nothing more: nothing is deleted unasked. Raises CaptureRefused for a
    folder that others may read or that cannot be used.
    """

    def __init__(self, path: Path, *, most_files: int, most_mib: int) -> None:
        self._path = path
        self._most_files, self._most_bytes = most_files, most_mib * _MIB
        try:
            make_folder(path)
            if is_open(path, GROUP_AND_OTHERS):
                hint = chmod_hint(path, mode="700")
                message = "group or others may read the folder of captures"
                raise CaptureRefused(message, where=str(path), hint=hint)
            sizes = {each.name: each.stat().st_size for each in path.iterdir()}
        except OSError as error:
            hint = "Name a folder that this user may write to."
            message = f"the folder of captures cannot be used ({error.strerror})"
            raise CaptureRefused(message, where=str(path), hint=hint) from None
        numbers = [int(found[1]) for name in sizes if (found := _NAME.fullmatch(name))]
        self._files = len(numbers)
        self._bytes = sum(size for name, size in sizes.items() if _NAME.fullmatch(name))
        self._next = max(numbers, default=0) + 1

    @property
    def path(self) -> Path:
        return self._path

    def write(self, data: bytes) -> bool:
        """Write one file, whole or not at all; False when the folder is full. Raises OSError."""
        if self._files >= self._most_files or self._bytes + len(data) > self._most_bytes:
            return False
        path = self._path / f"exchange-{self._next:06d}-{secrets.token_hex(4)}.json"
        self._next += 1
        temporary = path.with_name(f".{path.name}.part")
        try:
            descriptor = os.open(temporary, _NEW_FILE, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            # The time of the file would undo the shift of the dates in it.
            os.utime(temporary, (0, 0))
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._files += 1
        self._bytes += len(data)
        return True
