"""Creates site keys for `chartside audit` commands: in a file, a device, or Vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cds_hooks.audit import SiteKey
from cds_hooks.audit.encryption.rotation import load_or_create_successor
from cds_hooks.audit.external_keys.key_file import (
    create_external_key,
    load_or_create_external_successor,
)
from cds_hooks.audit.external_keys.key_wrapper import KeyProvider
from cds_hooks.cli.mapping import UsageError
from cds_hooks.runtime.records import key_provider
from cds_hooks.settings import Settings, load_settings

__all__ = [
    "KeyProviderOption",
    "create_device_key",
    "create_site_key",
    "load_or_create_next_key",
]

KeyProviderOption = Annotated[
    Literal["file", "pkcs11", "vault"],
    typer.Option(help="Where the new key is: in its file, the settings' device, or Vault."),
]


def create_site_key(file: Path, kind: str, config: Path | None) -> SiteKey:
    """Create a site key for a new store. Raises KeyRefused, StoreUnavailable."""
    if kind == "file":
        return SiteKey.load(file, create=True)
    return create_external_key(file, _provider(load_settings(config), kind, ""))


def load_or_create_next_key(
    file: Path, old: SiteKey, settings: Settings, kind: str, label: str
) -> SiteKey:
    """The key that replaces the old one, created if not there. Raises KeyRefused."""
    if kind == "file":
        if label:
            hint = "Leave it out."
            raise UsageError("a file has no key's name", where="provider-key", hint=hint)
        return load_or_create_successor(file, old)
    return load_or_create_external_successor(file, old, _provider(settings, kind, label))


def create_device_key(settings: Settings) -> None:
    """Create the key of the settings in their device. Raises KeyRefused, StoreUnavailable."""
    device = key_provider(settings, "pkcs11", despite_refusals=True)
    from cds_hooks.audit.external_keys.pkcs11_device import Pkcs11Device

    if isinstance(device, Pkcs11Device):
        device.create_key()


def _provider(settings: Settings, kind: str, label: str) -> KeyProvider:
    """The key provider of the settings; `label` names another of its keys."""
    section = "key_device" if kind == "pkcs11" else "key_vault"
    if label:
        named = getattr(settings, section).model_copy(update={"key": label})
        settings = settings.model_copy(update={section: named})
    return key_provider(settings, kind, despite_refusals=True)
