"""What has to be on disk before anything starts: data that is there, and files closed to others.

Everything that is wrong is told at once. Read before the engine and the store are, so it imports
neither.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.inference.model_settings import ModelFileSettings, ModelSettings
from cds_hooks.private_files import GROUP_AND_OTHERS, chmod, is_open, make_folder
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.settings.default_paths import made_by

__all__ = [
    "DataMissing",
    "FilesNotPrivate",
    "FolderNotMade",
    "PrivateFile",
    "missing_data",
    "private_files",
    "require_data",
    "require_files",
]

_OF_TLS = 0o027
_STORE_FILES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """What `key` names and others may not read; `mode` is what closes it."""

    key: str
    path: Path
    mode: str = "600"
    others: int = GROUP_AND_OTHERS

    @property
    def is_open(self) -> bool:
        """Whether others may look in; what cannot be looked at is told where it is read."""
        try:
            return is_open(self.path, self.others)
        except OSError:
            return False


class DataMissing(SettingsError):
    """A model, the names or the terminology is not where the settings say."""

    code = "data-missing"


class FolderNotMade(SettingsError):
    """A folder that the service writes to is not there and cannot be made."""

    code = "folder-not-made"


class FilesNotPrivate(SettingsError):
    """Group or others may read what only the service's user may."""

    code = "files-not-private"


def require_files(settings: Settings) -> None:
    """Make the folders that are written to, and refuse what is missing or open to others.

    Raises DataMissing, FolderNotMade, FilesNotPrivate.
    """
    require_data(settings)
    _make_folders(settings)
    _require_private(settings)


def require_data(settings: Settings) -> None:
    """Raise DataMissing with every file that the settings name and that is not there."""
    missing = missing_data(settings)
    if not missing:
        return
    told = "; ".join(f"{key}: no file {path.absolute()}" for key, path in missing)
    hints = dict.fromkeys(made_by(path) or "Name a file that is there." for _, path in missing)
    message = f"what the service reads is missing ({told})"
    raise DataMissing(message, where=missing[0][0], hint=" ".join(hints))


def missing_data(settings: Settings) -> list[tuple[str, Path]]:
    """Key and path of every file of data that the settings name and that is not there."""
    return [(key, path) for key, path in _data(settings) if not path.is_file()]


def _require_private(settings: Settings) -> None:
    """Raise FilesNotPrivate with every folder, store and key that group or others may read."""
    found = [each for each in private_files(settings) if each.is_open]
    if not found:
        return
    by_mode = {mode: [each.path for each in found if each.mode == mode] for mode in ("700", "600")}
    told = ", ".join(str(each.path) for each in found)
    mends = " && ".join(chmod(paths, mode) for mode, paths in by_mode.items() if paths)
    hint = f"Run `{mends}`, and think about who may have read what is there."
    raise FilesNotPrivate(f"group or others may read {told}", where=found[0].key, hint=hint)


def _data(settings: Settings) -> Iterator[tuple[str, Path]]:
    model, panel = settings.model, settings.panel
    local: list[tuple[str, ModelSettings | ModelFileSettings]] = []
    if not settings.model_server.bases:
        local.append(("model", model))
    local += [(f"panel.files.{place}", file) for place, file in enumerate(panel.files)]
    for key, file in local:
        yield f"{key}.path", file.path
        for place, adapter in enumerate(file.adapters):
            yield f"{key}.adapters.{place}.path", adapter.path
    if local and model.names is not None:
        yield "model.names", model.names
    yield "terminology.path", settings.terminology.path


def _make_folders(settings: Settings) -> None:
    """Before somebody makes them as open as the umask has it; they may lie in each other."""
    if settings.model.cache is not None:
        with contextlib.suppress(OSError):  # a model works without it
            make_folder(settings.model.cache)
    wanted = [(each.key, each.path) for each in _store_folder(settings)]
    if settings.profile == "demo":
        wanted.append(("store.site_key", settings.store.site_key.absolute().parent))
    for key, folder in wanted:
        try:
            make_folder(folder)
        except OSError as error:
            hint = f"Make {folder}, or set {key} to a place in which this user may write."
            message = f"the folder cannot be made ({error.strerror})"
            raise FolderNotMade(message, where=key, hint=hint) from None


def _store_folder(settings: Settings) -> Iterator[PrivateFile]:
    if "://" not in settings.store.path:
        yield PrivateFile("store.path", Path(settings.store.path).absolute().parent, "700")


def private_files(settings: Settings) -> Iterator[PrivateFile]:
    """Every folder, store and key that only the service's user may read, whether or not there."""
    yield from _store_folder(settings)
    if "://" not in settings.store.path:
        for end in _STORE_FILES:
            yield PrivateFile("store.path", Path(f"{settings.store.path}{end}"))
    site_key = settings.store.site_key
    keys = {
        "store.site_key": site_key,
        "ledger.signing_key": settings.ledger.signing_key or site_key.with_name("ledger.key"),
        "own_calls.key": settings.own_calls.key,
        "witness.key": settings.witness.key,
        "key_device.pin_file": settings.key_device.pin_file,
        "key_vault.token_file": settings.key_vault.token_file,
        "openid.client_secret": settings.openid.client_secret,
        "openid.client_key": settings.openid.client_key,
    }
    keys |= {
        f"clients[{place}].smart_client_secret": client.smart_client_secret
        for place, client in enumerate(settings.clients)
    }
    yield from (PrivateFile(key, path) for key, path in keys.items() if path is not None)
    if settings.tls.key is not None:
        yield PrivateFile("tls.key", settings.tls.key, others=_OF_TLS)
