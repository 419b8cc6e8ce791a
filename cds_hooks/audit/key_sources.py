"""Where the site key comes from: its file, a systemd credential, or (with a warning) a variable.

The first that is there is taken. A process's variables are seen by whoever may look at the process
and are inherited by what it starts, so a variable is for trying things out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cds_hooks.audit.keys import KeyRefused, SiteKey

__all__ = ["CREDENTIAL", "VARIABLE", "FoundKey", "KeyOrigin", "credential_file", "find_site_key"]

KeyOrigin = Literal["file", "credential", "environment"]

CREDENTIAL = "chartside-site-key"
"""The name in `LoadCredential=` or `LoadCredentialEncrypted=` of the service's unit."""

VARIABLE = "SITE_KEY_OF_CHARTSIDE"

_WORLD = 0o007
_MOST_TEXT = 1024


@dataclass(frozen=True, slots=True)
class FoundKey:
    """The site key and where it was."""

    key: SiteKey
    origin: KeyOrigin


def find_site_key(
    file: Path, environ: Mapping[str, str] = os.environ, *, create: bool = False
) -> FoundKey:
    """The site key; with `create`, made in its file when it is nowhere. Raises KeyRefused."""
    if file.exists():
        return FoundKey(SiteKey.load(file), "file")
    if (credential := credential_file(environ)) and credential.exists():
        return FoundKey(_from_credential(credential), "credential")
    if text := environ.get(VARIABLE):
        return FoundKey(SiteKey.parse(text, where=VARIABLE), "environment")
    return FoundKey(SiteKey.load(file, create=create), "file")


def credential_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where systemd puts the key for a unit that loads it as a credential."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) / CREDENTIAL if folder else None


def _from_credential(path: Path) -> SiteKey:
    """systemd lets the service's user in by an access list, which shows as the group's bits."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _WORLD:
                hint = "Only systemd should make this folder."
                raise KeyRefused("others may read the credential", where=str(path), hint=hint)
            return SiteKey.parse(file.read(_MOST_TEXT), where=str(path))
    except OSError:
        hint = "Look at LoadCredential= in the service's unit."
        raise KeyRefused("the credential cannot be read", where=str(path), hint=hint) from None
