"""How fast an engine is: published figures with their source, or what was measured here."""

from __future__ import annotations

import json
import tomllib
from bisect import bisect_left
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.errors import ChartsideError

__all__ = ["Speed", "SpeedsUnusable", "measured_speed", "read_speeds", "speeds"]

_Positive = Annotated[float, Field(gt=0)]


class SpeedsUnusable(ChartsideError):
    """A file of speeds cannot be read, or has no such engine."""

    code = "speeds-unusable"
    status = 400


class Speed(BaseModel):
    """One engine. `prompt_per_s` tokens of prompts a second while nothing is decoded; `step_ms` how
    long one more token of each takes, by how many sequences are decoded at once; `batch` tokens
    that are evaluated at once; `gpus` that it takes.

    `source` and `looked_up` say where the figures are from, `derived` what of them was calculated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    hardware: str
    gpus: int = Field(ge=0)
    prompt_per_s: _Positive
    step_ms: dict[int, _Positive] = Field(min_length=1)
    batch: int = Field(gt=0)
    source: str = Field(min_length=1)
    looked_up: date
    derived: str = ""

    @model_validator(mode="after")
    def _sequences_are_counted(self) -> Self:
        if min(self.step_ms) < 1:
            raise ValueError("step_ms needs numbers of sequences from 1 on")
        return self

    def step_s(self, sequences: int) -> float:
        """Seconds for one more token of each of so many sequences: a straight line between the
        figures, and behind the last one."""
        known = sorted(self.step_ms)
        if sequences <= known[0] or len(known) == 1:
            return self.step_ms[known[0]] / 1000
        place = min(bisect_left(known, sequences), len(known) - 1)
        low, high = known[place - 1], known[place]
        slope = (self.step_ms[high] - self.step_ms[low]) / (high - low)
        return (self.step_ms[high] + slope * (sequences - high)) / 1000


@cache
def speeds() -> dict[str, Speed]:
    """The published figures that this package knows, by name."""
    return _parsed(files(__package__).joinpath("speeds.toml").read_text("utf-8"))


def read_speeds(path: Path) -> dict[str, Speed]:
    """Figures of a file in the form of `speeds.toml`. Raises SpeedsUnusable."""
    try:
        return _parsed(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SpeedsUnusable(f"the file cannot be used: {error}", where=str(path)) from None


def measured_speed(path: Path, today: date) -> Speed:
    """What `chartside models bench FILE --json` printed. Raises SpeedsUnusable."""
    try:
        told = json.loads(path.read_bytes())
        return Speed(
            model=told["model"],
            hardware=f"this machine, {told['threads']} threads",
            gpus=0,
            prompt_per_s=told["prompt_per_s"],
            step_ms={int(n): 1000 / per_s for n, per_s in told["step_per_s"].items()},
            batch=256,
            source=f"measured here, {told['rounds']} rounds",
            looked_up=today,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        hint = "It has to be the JSON of `chartside models bench FILE --json`."
        raise SpeedsUnusable("no measurement is in it", where=str(path), hint=hint) from None


def _parsed(text: str) -> dict[str, Speed]:
    return {name: Speed.model_validate(each) for name, each in tomllib.loads(text).items()}
