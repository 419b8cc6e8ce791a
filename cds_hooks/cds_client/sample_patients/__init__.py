"""Made-up patients that ship with the service, to try it with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from cds_hooks.cds_client.requests import place_in_time

__all__ = ["DEMO", "SamplePatient", "sample_patients"]

DEMO = "breathless"
"""The patient of `chartside demo`."""


class SamplePatient(BaseModel):
    """One row of `samples.toml`; `file` is its name beside it, without the suffix."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    title: str
    patient: str
    encounter: str

    def resources(self, now: datetime) -> list[dict[str, Any]]:
        """The chart, with its times placed before `now`."""
        raw = files(__package__).joinpath(f"{self.file}.json").read_bytes()
        return [entry["resource"] for entry in place_in_time(orjson.loads(raw), now)["entry"]]


@cache
def sample_patients() -> Mapping[str, SamplePatient]:
    """Every sample patient by its name, the one of `chartside demo` first."""
    raw = tomllib.loads(files(__package__).joinpath("samples.toml").read_text("utf-8"))
    rows = {name: row for name, row in raw.items() if name != "version"}
    return {name: SamplePatient(file=name, **row) for name, row in rows.items()}
