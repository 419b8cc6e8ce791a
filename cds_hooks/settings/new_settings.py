"""A new settings file from five answers: profile, model, FHIR server, address, records."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_hooks.settings.errors import ProfileNotAvailable, SettingsError
from cds_hooks.settings.loading import load_settings, read_settings
from cds_hooks.settings.production_requirements import Lack, lacks
from cds_hooks.settings.settings_file import as_toml

__all__ = ["Answers", "FileExists", "missing_for_production", "write_settings"]

_HEAD = """\
# Settings of Chartside, written by `chartside init`. docs/settings.md lists every key with its
# default; a key that is not known is an error. A relative path starts at this file's folder.
"""


class FileExists(SettingsError):
    """A settings file is there already, and stays as it is."""

    code = "settings-file-exists"


@dataclass(frozen=True, slots=True)
class Answers:
    """Paths are absolute; empty texts and None are left to their defaults."""

    profile: str
    model: str
    fhir_server: str
    host: str
    port: int
    records: Path
    certificate: str = ""
    key: str = ""
    public_url: str = ""

    def text(self) -> str:
        """The settings file."""
        server: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.public_url:
            server["public_url"] = self.public_url
        store = {
            "path": str(self.records / "records.sqlite"),
            "site_key": str(self.site_key),
        }
        parts = [f'{_HEAD}\nprofile = "{self.profile}"\n', as_toml("[server]", server)]
        if self.certificate or self.key:
            tls = {"certificate": self.certificate, "key": self.key}
            parts.append(as_toml("[tls]", tls))
        if self.model:
            parts.append(as_toml("[model]", {"path": self.model}))
        if self.fhir_server:
            parts.append(as_toml("[fhir]", {"allowed_bases": [self.fhir_server]}))
        parts.append(as_toml("[store]", store))
        return "\n".join(parts)

    @property
    def site_key(self) -> Path:
        """Beside the records, in a folder of its own: a backup of one is none of the other."""
        return self.records / "keys" / "site.key"


def write_settings(path: Path, answers: Answers, environ: Mapping[str, str] = os.environ) -> None:
    """Write a new settings file. Raises FileExists, and SettingsError for answers that no service
    could start with; then there is no file."""
    hint = "Give another name, or change that file: docs/settings.md lists all keys."
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(answers.text())
    except FileExistsError:
        raise FileExists("a file is there already", where=str(path), hint=hint) from None
    except OSError as error:
        message = f"the file cannot be written ({error.strerror})"
        raise SettingsError(message, where=str(path)) from None
    try:
        missing_for_production(path, environ)
    except SettingsError:
        path.unlink()
        raise


def missing_for_production(path: Path, environ: Mapping[str, str] = os.environ) -> tuple[Lack, ...]:
    """What production lacks; nothing where the profile is another. Raises SettingsError."""
    try:
        load_settings(path, environ)
    except ProfileNotAvailable:
        return lacks(read_settings(path, environ))
    return ()
