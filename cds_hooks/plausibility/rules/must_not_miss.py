"""Which diagnoses a reader must not miss: a curated list, never a model's own grouping."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, MESH
from fhir_mapping.chart import Code

__all__ = ["MustNotMiss", "must_not_miss", "must_not_miss_list"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListSource(_Data):
    """A publication, what it says, and the day on which that was looked up (false: it was not)."""

    citation: str = Field(min_length=1)
    says: str = Field(min_length=1)
    looked_up: str | Literal[False]


class MustNotMiss(_Data):
    """One row: ICD-10-CM codes with all below them, MeSH descriptors, the id of its source."""

    name: str = Field(min_length=1)
    codes: tuple[str, ...] = Field(min_length=1)
    mesh: frozenset[str]
    source: str

    def holds(self, code: Code) -> bool:
        """Whether a code is of this row."""
        if code.system == ICD_10_CM:
            return code.code.startswith(self.codes)
        return code.system == MESH and code.code in self.mesh


class MustNotMissList(_Data):
    """`data/must_not_miss.toml`."""

    version: str
    sources: dict[str, ListSource]
    diagnosis: tuple[MustNotMiss, ...]

    @model_validator(mode="after")
    def _sourced(self) -> MustNotMissList:
        unknown = {row.source for row in self.diagnosis} - self.sources.keys()
        if unknown:
            raise ValueError(f"rows name sources that are not described: {sorted(unknown)}")
        return self


@cache
def must_not_miss_list() -> MustNotMissList:
    """The shipped list. Raises ValueError when it does not fit its form."""
    return MustNotMissList.model_validate(read_toml("must_not_miss.toml"))


def must_not_miss(codes: Iterable[Code]) -> MustNotMiss | None:
    """The row that holds one of a diagnosis's codes; None for a diagnosis without codes.

    An ICD-10-CM code decides where there is one: MeSH descriptors are wider ("Pneumothorax").
    """
    return _row(tuple(codes))


@lru_cache(maxsize=4096)
def _row(given: tuple[Code, ...]) -> MustNotMiss | None:
    icd = tuple(c for c in given if c.system == ICD_10_CM)
    rows = must_not_miss_list().diagnosis
    return next((row for row in rows if any(map(row.holds, icd or given))), None)
