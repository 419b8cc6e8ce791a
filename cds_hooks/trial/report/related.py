"""Groups of diagnoses that count as related, as data."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["RelatedGroup", "groups_of", "related_groups"]


class RelatedGroup(BaseModel):
    """Beginnings of ICD-10-CM codes that are put together, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    codes: tuple[str, ...] = Field(min_length=1)
    reason: str


@cache
def related_groups() -> tuple[RelatedGroup, ...]:
    """The groups of `related.toml`."""
    raw = tomllib.loads(files(__package__).joinpath("related.toml").read_text("utf-8"))
    return tuple(RelatedGroup.model_validate(each) for each in raw["group"])


@cache
def groups_of(icd: str) -> frozenset[str]:
    """The names of the groups that an ICD-10-CM code (with its point) is in."""
    return frozenset(each.name for each in related_groups() if icd.startswith(each.codes))
