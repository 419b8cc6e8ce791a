"""From a file and the environment to settings that are whole, or an error that names the key."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import orjson
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from cds_hooks.audit.store_settings import StoreSettings
from cds_hooks.section import Section
from cds_hooks.settings.client_requirements import require_clients
from cds_hooks.settings.default_paths import default_places
from cds_hooks.settings.errors import SettingsError
from cds_hooks.settings.keys import PREFIX, environment_name, known_keys
from cds_hooks.settings.schema import Settings
from cds_hooks.settings.start_requirements import require_profile, require_reachable
from cds_hooks.settings.validation_errors import LISTED, explained, nearest

__all__ = ["load_settings", "read_settings", "settings_digest"]

Change = Callable[[dict[str, Any]], dict[str, Any]]


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    change: Change | None = None,
) -> Settings:
    """Settings from a TOML file (none: defaults) with the environment on top.

    A relative path in the file starts at the file's folder, one of the environment at the working
    directory; a default one is where `places` tells. `change` is what a command makes of them
    before they are validated.
    Raises SettingsError with every key that is wrong, BindNotLoopback, ProfileNotAvailable.
    """
    settings = read_settings(path, environ, change)
    require_clients(settings)
    require_profile(settings)
    require_reachable(settings)
    return settings


def read_settings(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    change: Change | None = None,
) -> Settings:
    """The same, whether or not they fit together and would start a service. Raises SettingsError
    with every key that is wrong."""
    given = _merged(_read(path) if path else {}, _environment(environ))
    given = change(given) if change else given
    given = _merged(_defaults(given, environ), given)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise explained(error) from None


def settings_digest(settings: Settings) -> str:
    """SHA-256 over the settings as canonical JSON: they hold paths to secrets, never secrets."""
    whole = settings.model_dump(mode="json")
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _defaults(given: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The default places. The site key is beside the store: a store of a site's own should not
    depend on a key in a folder that set-up made."""
    places, store = default_places(environ), given.get("store")
    path = store.get("path") if isinstance(store, dict) else None
    if isinstance(path, str) and path and "://" not in path:
        places["store"]["site_key"] = str(Path(path).parent / "site.key")
    return places


def _read(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"the settings file cannot be read ({error.strerror})"
        raise SettingsError(message, where=str(path), hint="Check --config.") from None
    except RecursionError:
        message = "the settings file is nested too deeply"
        raise SettingsError(message, where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = "the settings file is not TOML"
        raise SettingsError(message, where=str(path), hint=f"{error}.") from None
    return _placed(given, Settings, path)


def _placed(given: dict[str, Any], section: type[BaseModel], file: Path) -> dict[str, Any]:
    """The same with every path made absolute, also in tables and in lists of tables."""
    for name, field in section.model_fields.items():
        if name in given:
            given[name] = _placed_value(given[name], field, file)
    return given


def _placed_value(value: Any, field: FieldInfo, file: Path) -> Any:
    kinds = (field.annotation, *get_args(field.annotation))
    tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)]
    if tables and isinstance(value, dict):
        return _placed(value, tables[0], file)
    if tables and isinstance(value, list):
        return [_placed(v, tables[0], file) if isinstance(v, dict) else v for v in value]
    is_place = Path in kinds or field is StoreSettings.model_fields["path"]
    return _absolute(value, file) if is_place else value


def _absolute(value: object, file: Path) -> object:
    if not isinstance(value, str) or not value or "://" in value:
        return value
    return str(Path(os.path.normpath(file.absolute().parent / value)))


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The keys that the environment sets. Raises SettingsError for names that are no key's."""
    fields = {environment_name(key): (key, field) for key, field in known_keys()}
    names = sorted(name for name in environ if name.upper().startswith(PREFIX))
    if unknown := [name for name in names if name not in fields]:
        told = "; ".join(f"{name} is not known{nearest(name, fields)}" for name in unknown)
        raise SettingsError(told, where=unknown[0], hint=LISTED)
    given: dict[str, Any] = {}
    for name in names:
        key, field = fields[name]
        section, _, inner = key.partition(".")
        value = _value(environ[name], field)
        given |= {section: {**given.get(section, {}), inner: value} if inner else value}
    return given


def _value(text: str, field: FieldInfo) -> Any:
    """A list is written as JSON or with commas, a table as JSON, everything else as it is."""
    if get_origin(field.annotation) is Mapping:
        return _table(text)
    if get_origin(field.annotation) is not tuple:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return [part.strip() for part in text.split(",") if part.strip()]


def _table(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            value = {**known, **value}
        merged[key] = value
    return merged
