"""Where the site key comes from: its file, a systemd credential, or (with a warning) a variable.

The file or the credential may say that the key is held elsewhere (`cds_hooks.audit.held`).

The first that is there is taken. A process's variables are seen by whoever may look at the process
and are inherited by what it starts, so a variable is for trying things out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cds_hooks.audit.held.opening import Holder, is_held, kind_of, open_held
from cds_hooks.audit.keys import KeyRefused, SiteKey
from cds_hooks.audit.private import read_credential, read_private

__all__ = [
    "CREDENTIAL",
    "VARIABLE",
    "FoundKey",
    "HolderOf",
    "KeyOrigin",
    "credential_file",
    "find_site_key",
]

KeyOrigin = Literal["file", "credential", "environment"]

CREDENTIAL = "chartside-site-key"
"""The name in `LoadCredential=` or `LoadCredentialEncrypted=` of the service's unit."""

VARIABLE = "SITE_KEY_OF_CHARTSIDE"

HolderOf = Callable[[str], Holder]
"""From a kind (`pkcs11`, `vault`) to what holds such keys here. Raises KeyRefused."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """The site key, where it was, and the kind of what holds it; empty when nothing else does."""

    key: SiteKey
    origin: KeyOrigin
    held_by: str = ""


def _nowhere(kind: str) -> Holder:
    hint = f"Name it in the settings: {'key_device' if kind == 'pkcs11' else 'key_vault'}."
    raise KeyRefused(f"the site key is held by {kind}, which is not set", hint=hint)


def find_site_key(
    file: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    create: bool = False,
    holder_of: HolderOf = _nowhere,
) -> FoundKey:
    """The site key; with `create`, made in its file when it is nowhere.

    What holds a key that is not in the file is asked for by `holder_of`. Raises KeyRefused,
    StoreUnavailable.
    """
    if _is_there(file):
        return _parsed(_read(file), str(file), "file", holder_of)
    if (credential := credential_file(environ)) and credential.exists():
        return _parsed(read_credential(credential), str(credential), "credential", holder_of)
    if text := environ.get(VARIABLE):
        return FoundKey(SiteKey.parse(text, where=VARIABLE), "environment")
    return FoundKey(SiteKey.load(file, create=create), "file")


def credential_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where systemd puts the key for a unit that loads it as a credential."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) / CREDENTIAL if folder else None


def _read(file: Path) -> str:
    hint = "Set store.site_key to a file that the service's user can read."
    return read_private(file, what="the site key", hint=hint)


def _parsed(text: str, where: str, origin: KeyOrigin, holder_of: HolderOf) -> FoundKey:
    if not is_held(text):
        return FoundKey(SiteKey.parse(text, where=where), origin)
    kind = kind_of(text, where=where)
    return FoundKey(open_held(text, holder_of(kind), where=where), origin, kind)


def _is_there(file: Path) -> bool:
    """Whether the key is in this file; one that this user may not look at is refused by reading."""
    try:
        return file.exists()
    except PermissionError:
        return True
