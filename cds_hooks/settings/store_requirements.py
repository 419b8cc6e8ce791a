"""What keeping records in production asks: a key of the site's own that only the service reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from cds_hooks.audit.site_key_lookup import VARIABLE, credential_file
from cds_hooks.audit.store_settings import StoreSettings
from cds_hooks.private_files import chmod_hint, is_open
from cds_hooks.settings.default_paths import CHECKOUT, default_places
from cds_hooks.settings.schema import Settings

__all__ = ["record_lacks"]

Found = tuple[str, str, str]


def record_lacks(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Found]:
    """Code, key and what to do, for each thing that is missing.

    The store itself refuses modes that are too open, and reads nothing that is not encrypted.
    """
    yield from _place(settings.store)
    if VARIABLE in environ:
        todo = f"Take {VARIABLE} out of the environment: use a file or a systemd credential."
        yield ("site-key-in-environment", "store.site_key", todo)
    file, credential = settings.store.site_key, credential_file(environ)
    try:
        yield from _key(file, credential)
    except PermissionError:
        # Closed to this user, as it should be to all but the service's. A command that needs the
        # key is refused where it is read; one that does not, such as `models admit`, goes on.
        return


def _key(file: Path, credential: Path | None) -> Iterator[Found]:
    if file.exists():
        yield from _key_file(file)
    elif credential is None or not credential.exists():
        todo = "Make one in a folder of the service's own: chartside audit new-key FILE."
        yield ("site-key-missing", "store.site_key", todo)


def _place(store: StoreSettings) -> Iterator[Found]:
    if "://" not in store.path and _is_ours(Path(store.path)):
        yield ("records-in-build", "store.path", "Keep records outside the build folder.")


def _key_file(file: Path) -> Iterator[Found]:
    if _is_ours(file):
        todo = "Move it out of the build folder, to a place that is backed up apart."
        yield ("site-key-in-build", "store.site_key", todo)
    if is_open(file):
        yield ("site-key-readable", "store.site_key", chmod_hint(file))
    if is_open(file.parent, 0o022):
        yield ("site-key-folder-writable", "store.site_key", chmod_hint(file.parent, mode="700"))


def _is_ours(path: Path) -> bool:
    """Whether a path is a default one, or in what is built: neither is a place to keep things."""
    defaults = {str(field.default) for field in StoreSettings.model_fields.values()}
    defaults |= set(default_places()["store"].values())
    return str(path) in defaults or path.resolve().is_relative_to(CHECKOUT / "build")
