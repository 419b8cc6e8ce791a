"""Secrets of the site: in a file for its owner alone, or in a credential of systemd."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.audit.store_errors import KeyRefused
from cds_hooks.private_files import OTHERS, read_private

__all__ = ["Secret", "read_credential"]


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
            text = read_private(self.file, what=self.what, hint=hint, error=KeyRefused).decode(
                "ascii", "replace"
            )
        else:
            text = read_credential(self._credential_file(environ))
        if text.strip():
            return text.strip()
        where = str(self.file or self.credential)
        raise KeyRefused(f"{self.what} is empty", where=where, hint="Write it there.")

    def _credential_file(self, environ: Mapping[str, str]) -> Path:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if folder:
            return Path(folder) / self.credential
        hint = f"Set {self.setting}, or load the credential {self.credential} in the unit."
        raise KeyRefused(f"{self.what} is nowhere", where=self.setting, hint=hint)


def read_credential(path: Path) -> str:
    """The text of a systemd credential. Raises KeyRefused.

    systemd lets the service's user in by an access list, which shows as the group's bits.
    """
    return read_private(
        path,
        what="the credential",
        hint="Look at LoadCredential= in the service's unit.",
        error=KeyRefused,
        others=OTHERS,
        if_open="Only systemd should make this folder.",
    ).decode("ascii", "replace")
