"""The site key of a running service, or of a command that opens its store."""

from __future__ import annotations

from cds_hooks.audit import KeyRefused, SiteKey
from cds_hooks.audit.held.opening import Holder
from cds_hooks.audit.key_sources import FoundKey, find_site_key
from cds_hooks.audit.private import Secret
from cds_hooks.operation import get_logger
from cds_hooks.settings import Settings

__all__ = ["find", "holder", "site_key"]


def site_key(settings: Settings, *, create: bool = False) -> SiteKey:
    """The key of this site; `create` is how the service asks, whose demo profile makes one.

    Raises KeyRefused, StoreUnavailable when what holds the key is away.
    """
    found = find(settings, create=create and settings.profile == "demo")
    if found.origin == "environment":
        get_logger().warning("site-key-in-environment")
    if create and settings.profile == "production" and not found.held_by:
        _require_no_holder(settings)
    return found.key


def find(settings: Settings, *, create: bool = False, despite_refusals: bool = False) -> FoundKey:
    """The key and where it was. Raises KeyRefused, StoreUnavailable."""
    return find_site_key(
        settings.store.site_key,
        create=create,
        holder_of=lambda kind: holder(settings, kind, despite_refusals=despite_refusals),
    )


def holder(settings: Settings, kind: str, *, despite_refusals: bool = False) -> Holder:
    """What holds a site key, by its kind: `pkcs11` or `vault`. Raises KeyRefused."""
    device, vault = settings.key_device, settings.key_vault
    if kind == "pkcs11" and device.module is not None:
        # Read here: what a key in a file does not need.
        from cds_hooks.audit.held.device import Device, DeviceConfig

        pin = Secret("the PIN", "key_device.pin_file", device.pin_file, "chartside-device-pin")
        config = DeviceConfig(device.module, device.token, device.key, pin)
        return Device(config, despite_refusals=despite_refusals)
    if kind == "vault" and vault.address and vault.authority is not None:
        from cds_hooks.audit.held.transit import Transit, VaultConfig

        token = Secret(
            "the token", "key_vault.token_file", vault.token_file, "chartside-vault-token"
        )
        return Transit(
            VaultConfig(
                vault.address,
                vault.authority,
                vault.mount,
                vault.key,
                token,
                vault.namespace,
                vault.timeout_s,
            )
        )
    where = {"pkcs11": "key_device.module", "vault": "key_vault.address"}.get(kind, kind)
    hint = "Say in the settings how it is reached."
    raise KeyRefused(f"the site key is held by {kind}, which is not set", where=where, hint=hint)


def _require_no_holder(settings: Settings) -> None:
    """A device that is set and not used would only look like protection."""
    if settings.key_device.module is None and not settings.key_vault.address:
        return
    hint = (
        "Rotate to what is set (chartside audit rotate --held-by), name its file in "
        "store.site_key, or empty key_device.module and key_vault.address."
    )
    where = str(settings.store.site_key)
    raise KeyRefused("a holder is set, and the site key is in a file", where=where, hint=hint)
