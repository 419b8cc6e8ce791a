"""`chartside audit key | device-key`: a site key that is held elsewhere.

Imported by `cds_hooks.cli.audit_keys`, which also makes and rotates such keys.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from cds_hooks.audit import SiteKey
from cds_hooks.audit.held.opening import Holder, held_successor, make_held
from cds_hooks.audit.sealing.rotation import successor
from cds_hooks.cli.mapping import UsageError
from cds_hooks.runtime.records import find, holder
from cds_hooks.settings import Settings, load_settings

__all__ = ["HeldBy", "device_key", "new_key", "next_key", "tell_key"]

HeldBy = Annotated[
    Literal["file", "pkcs11", "vault"],
    typer.Option(help="What holds the new key: its file, or the settings' device or Vault."),
]
Config = Annotated[Path | None, typer.Option(help="Settings file (TOML) of the service.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def tell_key(config: Config = None, json: Json = False) -> None:
    """Open the site key, and tell which it is and where it is held.

    Tries a device's PIN even when the device says that one was refused before, which the service
    does not. Any other exit code than 0: it does not open, for the reason that is printed.
    """
    settings = load_settings(config)
    found = find(settings, despite_refusals=True)
    told = {"key": found.key.key_id, "origin": found.origin, "held_by": found.held_by or "file"}
    text = f"{told['key']} from {told['origin']}, held by {told['held_by']}"
    typer.echo(orjson.dumps(told).decode() if json else text)


def device_key(config: Config = None, json: Json = False) -> None:
    """Make the key that key_device names in the device: AES-256, never to leave it."""
    settings = load_settings(config)
    device = holder(settings, "pkcs11", despite_refusals=True)
    from cds_hooks.audit.held.device import Device

    if isinstance(device, Device):
        device.make_key()
    told = {"token": settings.key_device.token, "key": settings.key_device.key}
    text = f"The key {told['key']} is made. Back it up by the device's own means before its use."
    typer.echo(orjson.dumps(told).decode() if json else text)


def new_key(file: Path, held_by: str, config: Path | None) -> SiteKey:
    """A site key for a new store. Raises KeyRefused."""
    if held_by == "file":
        return SiteKey.load(file, create=True)
    return make_held(file, _holder(load_settings(config), held_by, ""))


def next_key(file: Path, old: SiteKey, settings: Settings, held_by: str, label: str) -> SiteKey:
    """The key that replaces the old one, made if not there. Raises KeyRefused."""
    if held_by == "file":
        if label:
            raise UsageError("a file has no key's name", where="held-key", hint="Leave it out.")
        return successor(file, old)
    return held_successor(file, old, _holder(settings, held_by, label))


def _holder(settings: Settings, kind: str, label: str) -> Holder:
    """The holder that the settings name, with another of its keys where one is named."""
    section = "key_device" if kind == "pkcs11" else "key_vault"
    if label:
        named = getattr(settings, section).model_copy(update={"key": label})
        settings = settings.model_copy(update={section: named})
    return holder(settings, kind, despite_refusals=True)
