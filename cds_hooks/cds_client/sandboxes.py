"""Public FHIR sandboxes by name: address, how to get in, and what is odd about them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Sandbox", "sandboxes"]


class Sandbox(BaseModel):
    """One row of `sandboxes.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    fhir_server: str
    access: Literal["open", "bearer", "backend"]
    token_url: str = ""
    quirks: tuple[str, ...] = ()
    source: str


@cache
def sandboxes() -> Mapping[str, Sandbox]:
    """Every sandbox by its name."""
    raw = tomllib.loads(files("cds_hooks.cds_client").joinpath("sandboxes.toml").read_text("utf-8"))
    return {name: Sandbox.model_validate(row) for name, row in raw.items() if name != "version"}
