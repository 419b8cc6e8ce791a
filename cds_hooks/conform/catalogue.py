"""The checks that are known: what each expects, and the clause that asks for it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Check", "Level", "catalogue", "catalogue_version"]

Level = Literal["shall", "should", "ours"]


class Check(BaseModel):
    """One row of `checks.toml`; `id` is stable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    level: Level
    clause: str
    expected: str


@cache
def catalogue() -> Mapping[str, Check]:
    """Every check by its id, in the order of the file."""
    rows = {name: row for name, row in _read().items() if name != "version"}
    return {name: Check.model_validate({"id": name, **row}) for name, row in rows.items()}


def catalogue_version() -> str:
    """The version of the list, for reports."""
    return str(_read()["version"])


@cache
def _read() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("cds_hooks.conform").joinpath("checks.toml").read_text("utf-8"))
