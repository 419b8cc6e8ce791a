"""Where files are that no setting names: what set-up made, and what the service writes.

In a checkout both are in its `build` folder, whatever the working directory. What is written goes
to the user's own folders (XDG Base Directory Specification 0.8) where this user may not write
there, or where the package is installed without a checkout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_hooks.settings.keys import known_keys

__all__ = ["CHECKOUT", "SHARED", "default_places", "in_checkout", "made_by", "written"]

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path("/usr/share/chartside")
"""Model, names and terminology of an installed package (deploy/Containerfile)."""

_BUILD = "build"
_OWN = "chartside"
# The variable, where its default is below the home folder, and what a user without one has.
_STATE = ("XDG_STATE_HOME", ".local/state", "/var/lib")
_CACHE = ("XDG_CACHE_HOME", ".cache", "/var/cache")


def default_places(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Each key whose default is a path in `build`, by section, as an absolute path."""
    places: dict[str, Any] = {}
    for key, path in _defaults():
        section, _, name = key.partition(".")
        places.setdefault(section, {})[name] = str(_placed(path, environ))
    return places


def written(path: str, environ: Mapping[str, str] = os.environ) -> Path:
    """A place to write in: `build/<path>` of the checkout, or the user's own state folder."""
    return _in_build_or(Path(path), _STATE, environ)


def in_checkout() -> bool:
    """Whether this code is run from a checkout, in which set-up makes the data."""
    return (CHECKOUT / "deploy" / "setup.py").is_file() and (CHECKOUT / "pyproject.toml").is_file()


def made_by(path: Path) -> str:
    """What makes a file of the default places; empty for a file of the site's own."""
    if in_checkout() and path.is_relative_to(CHECKOUT / _BUILD):
        return f"`make setup` in {CHECKOUT} makes it."
    if path.is_relative_to(SHARED):
        return f"An installed package expects it in {SHARED} (docs/operators/operations.md)."
    return ""


def _defaults() -> Iterator[tuple[str, Path]]:
    for key, field in known_keys():
        default = Path(field.default) if isinstance(field.default, str | Path) else None
        if default is not None and default.parts[:1] == (_BUILD,):
            yield key, default.relative_to(_BUILD)


def _placed(path: Path, environ: Mapping[str, str]) -> Path:
    match path.parts[0]:
        case "records":
            return _in_build_or(path, _STATE, environ)
        case "cache":
            return _in_build_or(path, _CACHE, environ)
        case _:
            return CHECKOUT / _BUILD / path if in_checkout() else SHARED / path


def _in_build_or(path: Path, own: tuple[str, str, str], environ: Mapping[str, str]) -> Path:
    ours = CHECKOUT / _BUILD / path
    if in_checkout() and _may_write(CHECKOUT / _BUILD / path.parts[0]):
        return ours
    return _own_folder(own, environ) / path


def _own_folder(own: tuple[str, str, str], environ: Mapping[str, str]) -> Path:
    """The user's folder of ours; a relative path in the variable is ignored, as XDG asks."""
    variable, below_home, without_home = own
    given = Path(environ.get(variable, ""))
    if given.is_absolute():
        return given / _OWN
    try:
        return Path.home() / below_home / _OWN
    except RuntimeError:  # a user id that no account has
        return Path(without_home) / _OWN


def _may_write(folder: Path) -> bool:
    """Whether this user may write in a folder, or make it where it is not there yet."""
    there = next(each for each in (folder, *folder.parents) if os.access(each, os.F_OK))
    return os.access(there, os.W_OK | os.X_OK)
