"""Finds the site key: in its file, a systemd credential, or (with a warning) a variable.

The file or the credential may name an external key provider (`cds_hooks.audit.external_keys`). The
first that is there is taken. Variables of a process can be read by whoever may inspect it, and are
inherited by its children, so a variable is only for trials.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cds_hooks.audit.credentials import read_credential
from cds_hooks.audit.encryption.site_key import KeyRefused, SiteKey
from cds_hooks.audit.external_keys.key_file import is_external, open_external_key, provider_kind
from cds_hooks.audit.external_keys.key_wrapper import KeyProvider
from cds_hooks.private_files import read_private

__all__ = [
    "CREDENTIAL",
    "VARIABLE",
    "FoundSiteKey",
    "KeyOrigin",
    "ProviderFactory",
    "credential_file",
    "find_site_key",
]

KeyOrigin = Literal["file", "credential", "environment"]

CREDENTIAL = "chartside-site-key"
"""The name in `LoadCredential=` or `LoadCredentialEncrypted=` of the service's unit."""

VARIABLE = "SITE_KEY_OF_CHARTSIDE"

ProviderFactory = Callable[[str], KeyProvider]
"""The key provider of a kind (`pkcs11`, `vault`). Raises KeyRefused."""


@dataclass(frozen=True, slots=True)
class FoundSiteKey:
    """The site key, where it was, and the kind of its external provider; empty without one."""

    key: SiteKey
    origin: KeyOrigin
    provider: str = ""


def _no_provider(kind: str) -> KeyProvider:
    hint = f"Name it in the settings: {'key_device' if kind == 'pkcs11' else 'key_vault'}."
    raise KeyRefused(f"the site key is in {kind}, which is not set", hint=hint)


def find_site_key(
    file: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    create: bool = False,
    provider_for: ProviderFactory = _no_provider,
) -> FoundSiteKey:
    """The site key; with `create`, created in its file when it is nowhere.

    `provider_for` gives the provider of an external key. Raises KeyRefused, StoreUnavailable.
    """
    if _is_there(file):
        return _parsed(_read(file), str(file), "file", provider_for)
    if (credential := credential_file(environ)) and credential.exists():
        return _parsed(read_credential(credential), str(credential), "credential", provider_for)
    if text := environ.get(VARIABLE):
        return FoundSiteKey(SiteKey.parse(text, where=VARIABLE), "environment")
    return FoundSiteKey(SiteKey.load(file, create=create), "file")


def credential_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The path of the systemd credential; None outside a unit that loads credentials."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) / CREDENTIAL if folder else None


def _read(file: Path) -> str:
    hint = "Set store.site_key to a file that the service's user can read."
    return read_private(file, what="the site key", hint=hint, error=KeyRefused).decode(
        "ascii", "replace"
    )


def _parsed(
    text: str, where: str, origin: KeyOrigin, provider_for: ProviderFactory
) -> FoundSiteKey:
    if not is_external(text):
        return FoundSiteKey(SiteKey.parse(text, where=where), origin)
    kind = provider_kind(text, where=where)
    return FoundSiteKey(open_external_key(text, provider_for(kind), where=where), origin, kind)


def _is_there(file: Path) -> bool:
    """Whether the file is there; one that this user may not see counts, and fails to be read."""
    try:
        return file.exists()
    except PermissionError:
        return True
