"""A new `[[clients]]` entry: from answers to a table, and into a settings file."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from cds_hooks.settings.errors import ProfileNotAvailable, SettingsError
from cds_hooks.settings.loading import load_settings
from cds_hooks.settings.settings_file import FileNotChanged, replace_text, with_client
from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.client import DEFAULT_ALGORITHMS
from cds_hooks.trust.key_set import parse_key_set
from cds_hooks.trust.published import is_public_issuer

__all__ = ["EhrFamily", "NewClient", "add_client", "ehr_families"]


class EhrFamily(BaseModel):
    """A row of `ehr_families.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    card_profile: str
    algorithms: tuple[str, ...]
    issuer: str
    issuer_is_fhir_base: bool
    jku: str
    source: str


@cache
def ehr_families() -> Mapping[str, EhrFamily]:
    """Every family by its name."""
    raw = tomllib.loads(
        files("cds_hooks.settings").joinpath("ehr_families.toml").read_text("utf-8")
    )
    return {name: EhrFamily.model_validate(row) for name, row in raw["family"].items()}


@dataclass(frozen=True, slots=True)
class NewClient:
    """What was answered. `keys` is a URL or the path of a JWK Set; empty texts are left out."""

    family: str
    name: str
    issuer: str
    keys: str
    audiences: tuple[str, ...] = ()
    fhir_bases: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def by_url(self) -> bool:
        """Whether its keys are read from a URL."""
        return self.keys.startswith(("http://", "https://"))

    def table(self) -> dict[str, Any]:
        """The `[[clients]]` table: what differs from the defaults."""
        family = ehr_families()[self.family]
        keys = {"jku": self.keys} if self.by_url else {"jwks_file": str(Path(self.keys).absolute())}
        table: dict[str, Any] = {"name": self.name, "issuer": self.issuer, **keys}
        optional = {
            "algorithms": family.algorithms,
            "audiences": self.audiences,
            "tenants": self.tenants,
            "fhir_bases": self.fhir_bases,
        }
        table |= {key: list(values) for key, values in optional.items() if values}
        return {**table, "card_profile": family.card_profile, **self.more}


def add_client(path: Path, client: NewClient, environ: Mapping[str, str] = os.environ) -> str:
    """Append a client to a settings file and give the new text.

    The file is replaced only when its new text can be loaded; what production still lacks of other
    settings is no hindrance. Raises FileNotChanged and SettingsError.
    """
    _require_private_issuer(client)
    _require_keys(client)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        hint = "Name the settings file with --config; chartside init writes one."
        raise FileNotChanged("the file cannot be read", where=str(path), hint=hint) from None
    changed = with_client(text, client.table(), client.fhir_bases)
    _require_loadable(path, changed, environ)
    try:
        replace_text(path, changed)
    except OSError as error:
        message = f"the file cannot be written ({error.strerror})"
        raise FileNotChanged(message, where=str(path), hint="Run it as its owner.") from None
    return changed


def _require_private_issuer(client: NewClient) -> None:
    if is_public_issuer(client.issuer) or is_public_issuer(client.keys):
        hint = "For the CDS Hooks Sandbox run chartside serve --sandbox, which needs no entry."
        message = "the private key of this test tool is published"
        raise FileNotChanged(message, where="issuer", hint=hint)


def _require_keys(client: NewClient) -> None:
    """A JWK Set in a file must have a key that may be used; one at a URL is read later."""
    if client.by_url:
        return
    algorithms = ehr_families()[client.family].algorithms or DEFAULT_ALGORITHMS
    hint = "It is a JWK Set of public keys; `chartside doctor jwks KEY` makes one of a private key."
    try:
        parse_key_set(Path(client.keys).read_bytes(), frozenset(algorithms))
    except OSError as error:
        message = f"the key file cannot be read ({error.strerror})"
        raise FileNotChanged(message, where=client.keys, hint=hint) from None
    except KeysUnusable as error:
        raise FileNotChanged(error.message, where=client.keys, hint=hint) from None


def _require_loadable(path: Path, text: str, environ: Mapping[str, str]) -> None:
    """By the loader itself, from a file beside it, so that relative paths mean the same."""
    trial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.toml")
    try:
        trial.write_text(text, "utf-8")
        trial.chmod(0o600)
        load_settings(trial, environ)
    except ProfileNotAvailable:
        return
    except OSError as error:
        message = f"nothing can be written beside the file ({error.strerror})"
        raise FileNotChanged(message, where=str(path.parent)) from None
    except SettingsError as error:
        told = FileNotChanged(error.message, where=error.where, hint=error.hint)
        raise told from None
    finally:
        trial.unlink(missing_ok=True)
