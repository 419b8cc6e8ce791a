"""The hazards of the service as data (`data/hazards.toml`), and how many concern what."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cds_hooks.compliance.threat_rows import threats

__all__ = ["Control", "Hazard", "HazardTable", "Way", "characteristic_counts", "hazard_table"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Control(_Strict):
    """A measure, and which of ISO 14971's three kinds it is."""

    kind: Literal["design", "protective", "information"]
    text: str


class Hazard(_Strict):
    """A clinical hazard. `tests` show that its controls work, `remains` what they do not reach."""

    id: str
    hazard: str
    cause: str
    harm: str
    concerns: tuple[str, ...]
    controls: tuple[Control, ...]
    tests: tuple[str, ...]
    remains: str


class Way(_Strict):
    """The hazard of an entry point, whose rows are the threat model's."""

    hazard: str
    concerns: tuple[str, ...]


class HazardTable(_Strict):
    """The file."""

    version: str
    characteristics: tuple[str, ...]
    hazards: tuple[Hazard, ...]
    ways: Mapping[str, Way]


@cache
def hazard_table() -> HazardTable:
    """The table that this version ships."""
    text = files("cds_hooks.compliance").joinpath("data/hazards.toml").read_text("utf-8")
    return HazardTable.model_validate(tomllib.loads(text))


def characteristic_counts() -> dict[str, int]:
    """How many clinical hazards and threats concern each characteristic; 0 where none does."""
    table = hazard_table()
    found = Counter(name for hazard in table.hazards for name in hazard.concerns)
    found.update(name for row in threats() for name in table.ways[row.way].concerns)
    return {name: found[name] for name in table.characteristics}
