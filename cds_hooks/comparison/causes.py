"""Why two consultations differ: the most basic cause first, in words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Cause", "Found", "causes_of"]

_MOST = 12


@dataclass(frozen=True, slots=True)
class Cause:
    """`code` is stable, `words` say it, `what` are the names that differ."""

    code: str
    words: str
    what: tuple[str, ...]


Found = Mapping[str, Sequence[str]]
"""The names that differ, by part of a `Comparison`; a part without any does not differ."""

# A cause that explains those after it is told; one that an earlier one explains is not.
_NEEDS_SAME = {
    "basis": (),
    "parts": (),
    "facts": (),
    "rules": ("facts",),
    "prompt": ("facts", "basis"),
    "outcome": (),
    "samples": ("prompt", "basis", "outcome"),
    "diagnoses": ("facts", "samples", "basis"),
    "cards": ("basis", "parts", "facts", "rules", "prompt", "outcome", "samples", "diagnoses"),
}
_CODES = {
    "basis": "basis-changed",
    "parts": "parts-changed",
    "facts": "facts-changed",
    "rules": "rules-changed",
    "prompt": "prompt-changed",
    "outcome": "outcome-changed",
    "samples": "sampling",
    "diagnoses": "checks-changed",
    "cards": "cards-changed",
}


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str = Field(min_length=1)
    reason: str = Field(min_length=1)


@cache
def _table() -> dict[str, _Row]:
    read = tomllib.loads(files(__package__).joinpath("causes.toml").read_text("utf-8"))
    return {code: _Row.model_validate(row) for code, row in read.items() if code != "version"}


def causes_of(found: Found) -> tuple[Cause, ...]:
    """The parts that differ while all that they are made of is the same, in the pipeline's order.

    None only where no part differs.
    """
    return tuple(_causes(found))


def _causes(found: Found) -> Iterator[Cause]:
    for part, needs in _NEEDS_SAME.items():
        if found.get(part) and not any(found.get(each) for each in needs):
            what = tuple(dict.fromkeys(found[part]))
            more = f" and {len(what) - _MOST} more" if len(what) > _MOST else ""
            row = _table()[_CODES[part]]
            yield Cause(_CODES[part], _said(row.words, f"{', '.join(what[:_MOST])}{more}"), what)


def _said(words: str, what: str) -> str:
    # Not `format`: a name may hold braces.
    return words.replace("{what}", what)
