"""Style sheets, scripts and pictures, read once; each is addressed with its digest."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

__all__ = ["Asset", "asset_url", "assets", "vendored"]

_FOLDER = files(__package__) / "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served; `digest` is the SHA-256 of `content` in hex."""

    content: bytes
    media_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """All assets by name, ours and vendored ones."""
    return {
        file.name: _read(file)
        for folder in (_FOLDER, _FOLDER / "vendor")
        for file in folder.iterdir()
        if _suffix(file) in _TYPES
    }


def asset_url(name: str) -> str:
    """The address of an asset, relative to the root of the service. KeyError for none of ours."""
    return f"assets/{name}?v={assets()[name].digest[:16]}"


def vendored() -> list[dict[str, Any]]:
    """The packages that vendored assets come from, as `vendored.toml` lists them."""
    packages: list[dict[str, Any]] = tomllib.loads(
        (_FOLDER / "vendored.toml").read_text(encoding="utf-8")
    )["package"]
    return packages


def _read(file: Traversable) -> Asset:
    content = file.read_bytes()
    return Asset(content, _TYPES[_suffix(file)], hashlib.sha256(content).hexdigest())


def _suffix(file: Traversable) -> str:
    return file.name[file.name.rfind(".") :]
