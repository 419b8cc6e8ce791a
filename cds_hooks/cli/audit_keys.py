"""`chartside audit new-key | rotate | key | public-key | device-key | keygen`: a site's keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.audit import KeyRefused, SiteKey
from cds_hooks.audit.key_operations import STORE_IN_USE_HINT, KeyOperations
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner
from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.audit.store_errors import StoreRefused
from cds_hooks.cli.audit_external_keys import (
    KeyProviderOption,
    create_device_key,
    create_site_key,
    load_or_create_next_key,
)
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import count_progress, print_result
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.ledger import signing_key
from cds_hooks.runtime.records import find_key, site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["device_key", "keygen", "new_key", "rotate", "show_key", "show_public_key"]


def new_key(
    file: Annotated[Path, typer.Argument(help="Where the key goes; must not be there.")],
    key_provider: KeyProviderOption = "file",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Create a site key for a new store, readable by its owner alone."""
    if file.exists():
        hint = "Give another name; to replace the key of a store: chartside audit rotate."
        raise KeyRefused("there is a file already", where=str(file), hint=hint)
    key = create_site_key(file, key_provider, config)
    print_result({"file": str(file), "key": key.key_id}, f"{key.key_id} in {file}", json=json)


def rotate(
    new_key: Annotated[Path, typer.Option(help="Where the new key goes; created if not there.")],
    key_provider: KeyProviderOption = "file",
    provider_key: Annotated[
        str, typer.Option(help="The device's or Vault's key, if not the one of the settings.")
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Wrap every patient's key with a new site key; pseudonyms stay as they are.

    Stop the service first, then start it with `store.site_key` naming the new file. Killed at any
    moment, nothing has changed: do it again with the same file. With --key-provider the new key
    stays in the device or in Vault, and the file says so; back to a file goes the same way.
    """
    settings = load_settings(config)
    old = site_key(settings)
    new = load_or_create_next_key(new_key, old, settings, key_provider, provider_key)
    count = _rotate(settings, old, new, json=json)
    _copy_erasure_log(settings, new_key)
    result = {"keys": count, "new_key": new.key_id, "file": str(new_key)}
    text = (
        f"{count} keys are wrapped by {new.key_id}. Set store.site_key to {new_key}, "
        "start the service, and keep the old key as long as backups made under it."
    )
    print_result(result, text, json=json)


def show_key(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Open the site key; print which it is and where it is.

    Tries a device's PIN even when the device says that one was refused before, which the service
    does not. Any exit code but 0: it does not open, for the reason that is printed.
    """
    found = find_key(load_settings(config), despite_refusals=True)
    provider = found.provider or "file"
    result = {"key": found.key.key_id, "origin": found.origin, "provider": provider}
    text = f"{found.key.key_id} from {found.origin}, key provider: {provider}"
    print_result(result, text, json=json)


def show_public_key(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Print the public key that a reviewer verifies the ledger with, as one line.

    Hand it over by another way than an export. Raises an error when there is no signing key yet.
    """
    settings = load_settings(config)
    line = signing_key(settings).public.line()
    result = {"public_key": line, "earlier_keys": list(settings.ledger.earlier_keys)}
    print_result(result, line, json=json)


def device_key(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Create the key that key_device names in the device: AES-256, never to leave it."""
    settings = load_settings(config)
    create_device_key(settings)
    result = {"token": settings.key_device.token, "key": settings.key_device.key}
    text = f"The key {result['key']} is made. Back it up by the device's own means before its use."
    print_result(result, text, json=json)


def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes.")],
    name: Annotated[str, typer.Option(help="`ledger.name` of the settings.")] = "chartside",
    json: JsonOption = False,
) -> None:
    """Create a key that signs checkpoints, and print its public half for the reviewers."""
    if file.exists():
        hint = "Give another name: a key that signed is kept."
        raise ExportUnreadable("there is a file already", where=str(file), hint=hint)
    line = CheckpointSigner.load(file, name, create=True).public.line()
    print_result({"file": str(file), "public_key": line}, line, json=json)


def _rotate(settings: Settings, old: SiteKey, new: SiteKey, *, json: bool) -> int:
    """How many keys were wrapped; 0 when an earlier run, killed after its end, has done it."""
    with KeyOperations(store_config(settings), old) as operations:
        try:
            if operations.is_in_use():
                hint = (
                    f"{STORE_IN_USE_HINT} It would go on with the old key and record nothing new."
                )
                raise StoreRefused("a service uses the store", hint=hint)
            with count_progress("keys", json=json) as progress:
                return operations.rotate(new, progress)
        except StoreRefused:
            if not _is_rotated(settings, new):
                raise
            return 0


def _is_rotated(settings: Settings, new: SiteKey) -> bool:
    try:
        with KeyOperations(store_config(settings), new) as operations:
            operations.active_holds()
    except StoreRefused:
        return False
    return True


def _copy_erasure_log(settings: Settings, new_key: Path) -> None:
    """The log of erased keys is beside the site key: the new one gets a copy."""
    old, new = store_config(settings).erased_keys, new_key.with_name(f"{new_key.name}.erased")
    if old is None or not old.exists() or new.exists():
        return
    new.touch(mode=0o600)
    new.write_bytes(old.read_bytes())
