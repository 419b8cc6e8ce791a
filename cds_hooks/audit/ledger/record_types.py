"""Every type of ledger record, with what it proves; a test compares it with what is written."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["RECORD_TYPES", "RecordType"]


class RecordType(BaseModel):
    """One row of `record_types.toml`. `serves` are the points of article 12(2) of the EU AI Act
    whose events it is; `destroys` tells that the record is of something that was destroyed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    proves: str
    serves: tuple[Literal["a", "b", "c"], ...]
    destroys: bool = False


def _read() -> dict[str, RecordType]:
    text = files(__package__).joinpath("record_types.toml").read_text("utf-8")
    rows = tomllib.loads(text)["types"]
    return {name: RecordType.model_validate(row) for name, row in rows.items()}


RECORD_TYPES: Mapping[str, RecordType] = _read()
"""By type, in the order of the file."""
