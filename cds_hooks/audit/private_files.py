"""Small files with secrets: read only when nobody else may, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.audit.store_errors import KeyRefused
from cds_hooks.errors import ChartsideError
from cds_hooks.trust.files import chmod_hint, make_folder

__all__ = [
    "Secret",
    "create_private",
    "read_credential",
    "read_private",
    "sync",
    "write_private",
]

_GROUP_AND_OTHERS, _OTHERS = 0o077, 0o007
_MAX_BYTES = 4096
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret text is: in a `file`, or, without one, in the systemd credential of a name.

    `what` names it in errors, `setting` is the key that names its file.
    """

    what: str
    setting: str
    file: Path | None
    credential: str

    def read(self, environ: Mapping[str, str] = os.environ) -> str:
        """The text without surrounding white space, read from the file each time.

        Raises KeyRefused.
        """
        if self.file is not None:
            hint = f"Set {self.setting} to a file that the service's user can read."
            text = read_private(self.file, what=self.what, hint=hint)
        else:
            text = read_credential(self._credential_file(environ))
        if text.strip():
            return text.strip()
        raise KeyRefused(f"{self.what} is empty", where=self._where, hint="Write it there.")

    @property
    def _where(self) -> str:
        return str(self.file or self.credential)

    def _credential_file(self, environ: Mapping[str, str]) -> Path:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if folder:
            return Path(folder) / self.credential
        hint = f"Set {self.setting}, or load the credential {self.credential} in the unit."
        raise KeyRefused(f"{self.what} is nowhere", where=self.setting, hint=hint)


def read_private(
    path: Path,
    *,
    what: str,
    hint: str,
    error: type[ChartsideError] = KeyRefused,
    if_readable: str = "",
) -> str:
    """A short text in a file that only its owner may read.

    Raises `error`, with `hint` for a missing file; `if_readable` is added to the hint for a file
    that others may read.
    """
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _GROUP_AND_OTHERS:
                message = f"group or others may read {what}"
                raise error(message, where=str(path), hint=f"{chmod_hint(path)}{if_readable}")
            return file.read(_MAX_BYTES)
    except OSError:
        raise error(f"{what} cannot be read", where=str(path), hint=hint) from None


def read_credential(path: Path) -> str:
    """The text of a systemd credential. Raises KeyRefused.

    systemd lets the service's user in by an access list, which shows as the group's bits.
    """
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
                hint = "Only systemd should make this folder."
                raise KeyRefused("others may read the credential", where=str(path), hint=hint)
            return file.read(_MAX_BYTES)
    except OSError:
        hint = "Look at LoadCredential= in the service's unit."
        raise KeyRefused("the credential cannot be read", where=str(path), hint=hint) from None


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


def _write(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
