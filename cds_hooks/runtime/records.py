"""The site key of a running service, or of a command that opens its store."""

from __future__ import annotations

from cds_hooks.audit import KeyRefused, SiteKey
from cds_hooks.audit.external_keys.key_wrapper import KeyProvider
from cds_hooks.audit.site_key_lookup import FoundSiteKey, find_site_key
from cds_hooks.operation import get_logger
from cds_hooks.settings import Settings

__all__ = ["find_key", "key_provider", "site_key"]


def site_key(settings: Settings, *, create: bool = False) -> SiteKey:
    """The key of this site. The service passes `create`: its demo profile creates a missing key.

    Raises KeyRefused, StoreUnavailable while the key provider is away.
    """
    found = find_key(settings, create=create and settings.profile == "demo")
    if found.origin == "environment":
        get_logger().warning("site-key-in-environment")
    if create and settings.profile == "production" and not found.provider:
        _require_no_provider(settings)
    return found.key


def find_key(
    settings: Settings, *, create: bool = False, despite_refusals: bool = False
) -> FoundSiteKey:
    """The key and where it was. Raises KeyRefused, StoreUnavailable."""
    return find_site_key(
        settings.store.site_key,
        create=create,
        provider_for=lambda kind: key_provider(settings, kind, despite_refusals=despite_refusals),
    )


def key_provider(settings: Settings, kind: str, *, despite_refusals: bool = False) -> KeyProvider:
    """The external key provider of a kind: `pkcs11` or `vault`. Raises KeyRefused."""
    device, vault = settings.key_device, settings.key_vault
    if kind == "pkcs11" and device.module is not None:
        # Imported here: a key in a file needs neither.
        from cds_hooks.audit.external_keys.pkcs11_device import Pkcs11Device

        return Pkcs11Device(device, despite_refusals=despite_refusals)
    if kind == "vault" and vault.address:
        from cds_hooks.audit.external_keys.vault import VaultTransit

        return VaultTransit(vault)
    where = {"pkcs11": "key_device.module", "vault": "key_vault.address"}.get(kind, kind)
    hint = "Say in the settings how it is reached."
    raise KeyRefused(f"the site key is in {kind}, which is not set", where=where, hint=hint)


def _require_no_provider(settings: Settings) -> None:
    """Refuse a key provider that is set and not used: it would only look like protection."""
    if settings.key_device.module is None and not settings.key_vault.address:
        return
    hint = (
        "Rotate to what is set (chartside audit rotate --key-provider), name its file in "
        "store.site_key, or empty key_device.module and key_vault.address."
    )
    where = str(settings.store.site_key)
    raise KeyRefused("a key provider is set, and the site key is in a file", where=where, hint=hint)
