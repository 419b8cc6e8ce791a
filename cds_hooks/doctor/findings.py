"""A finding: a stable id, a level, where, what it says, and the line that mends it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Finding", "FindingText", "Level", "catalogue", "find"]


class Level(StrEnum):
    """How bad it is; NOT CHECKED is neither good nor bad, and says what is missing to look."""

    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    FAIL = "FAIL"
    UNCHECKED = "NOT CHECKED"


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` is a setting, a path, an address or a prefetch key; `mend` a line to type."""

    id: str
    part: str
    level: Level
    where: str
    says: str
    mend: str = ""

    def document(self) -> dict[str, str]:
        """The same as JSON."""
        told = {"id": self.id, "part": self.part, "level": self.level.value}
        return told | {"where": self.where, "says": self.says, "mend": self.mend}


class FindingText(BaseModel):
    """A row of `findings.toml` or `client_rules.toml`: what is said at each level.

    `mend` is the line that mends it, `look` the one with which it can be checked at all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: str
    passed: str = ""
    warn: str = ""
    fail: str = ""
    unchecked: str = ""
    mend: str = ""
    look: str = ""
    source: str = ""

    def at(self, level: Level) -> str:
        """The template of a level; empty where the finding cannot have it."""
        return {
            Level.PASS: self.passed,
            Level.WARN: self.warn,
            Level.FAIL: self.fail,
            Level.UNCHECKED: self.unchecked,
        }[level]


@cache
def catalogue() -> Mapping[str, FindingText]:
    """Every finding by its id."""
    rows: dict[str, FindingText] = {}
    for name in ("findings.toml", "client_rules.toml"):
        raw = tomllib.loads(files("cds_hooks.doctor").joinpath(name).read_text("utf-8"))
        found = {key: FindingText.model_validate(row) for key, row in raw["finding"].items()}
        rows |= found
    return rows


def find(name: str, level: Level, where: str = "", mend: str = "", **values: Any) -> Finding:
    """A finding in the catalogue's words; `mend` comes before the catalogue's own line.

    A finding that passes has no line that mends it.
    """
    row = catalogue()[name]
    values |= {"where": where}
    own = row.look if level is Level.UNCHECKED else row.mend
    line = "" if level is Level.PASS else mend or own.format_map(_Blank(values))
    return Finding(name, row.part, level, where, row.at(level).format_map(_Blank(values)), line)


class _Blank(dict[str, Any]):
    """What a text names and nobody gave is left out."""

    def __missing__(self, key: str) -> str:
        return ""
