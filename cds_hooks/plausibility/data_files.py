"""The tables that ship with this package, below `cds_hooks/plausibility/data`."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

__all__ = ["data_file", "read_csv_rows", "read_toml"]


def data_file(*path: str) -> Traversable:
    """A shipped file or folder."""
    return files("cds_hooks.plausibility").joinpath("data", *path)


def read_toml(*path: str) -> dict[str, Any]:
    """A shipped TOML table, as it is written."""
    return tomllib.loads(data_file(*path).read_text("utf-8"))


def read_csv_rows(*path: str) -> Iterator[dict[str, str]]:
    """The rows of a shipped CSV table with a header; lines that begin with "#" are comments."""
    lines = data_file(*path).read_text("utf-8").splitlines()
    yield from csv.DictReader(line for line in lines if not line.startswith("#"))
