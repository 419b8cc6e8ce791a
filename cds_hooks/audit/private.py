"""Small files with secrets: read only when nobody else may, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.audit.errors import KeyRefused
from cds_hooks.trust.files import chmod_hint, make_folder

__all__ = ["Secret", "read_credential", "read_private", "write_private"]

_OTHERS, _WORLD = 0o077, 0o007
_MOST_TEXT = 4096


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
        """The text without white space around it, read anew each time. Raises KeyRefused."""
        if self.file is not None:
            hint = f"Set {self.setting} to a file that the service's user can read."
            text = read_private(self.file, what=self.what, hint=hint)
        else:
            text = read_credential(self._loaded(environ))
        if text.strip():
            return text.strip()
        raise KeyRefused(f"{self.what} is empty", where=self._where, hint="Write it there.")

    @property
    def _where(self) -> str:
        return str(self.file or self.credential)

    def _loaded(self, environ: Mapping[str, str]) -> Path:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if folder:
            return Path(folder) / self.credential
        hint = f"Set {self.setting}, or load the credential {self.credential} in the unit."
        raise KeyRefused(f"{self.what} is nowhere", where=self.setting, hint=hint)


def read_private(path: Path, *, what: str, hint: str) -> str:
    """A short text that only its owner may read. Raises KeyRefused; `hint` is for a missing one."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
                message = f"group or others may read {what}"
                raise KeyRefused(message, where=str(path), hint=chmod_hint(path))
            return file.read(_MOST_TEXT)
    except OSError:
        raise KeyRefused(f"{what} cannot be read", where=str(path), hint=hint) from None


def read_credential(path: Path) -> str:
    """systemd lets the service's user in by an access list, which shows as the group's bits."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _WORLD:
                hint = "Only systemd should make this folder."
                raise KeyRefused("others may read the credential", where=str(path), hint=hint)
            return file.read(_MOST_TEXT)
    except OSError:
        hint = "Look at LoadCredential= in the service's unit."
        raise KeyRefused("the credential cannot be read", where=str(path), hint=hint) from None


def write_private(path: Path, text: str) -> None:
    """The whole file or none, durable before anything depends on it."""
    make_folder(path.parent)
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        made.rename(path)
    finally:
        made.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
