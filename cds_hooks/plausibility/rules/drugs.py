"""What drugs can cause, and the diseases they conflict with: `data/drugs.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.rules.diagnosis_rules import DiagnosisRule, frozen_values
from fhir_mapping.chart import Fact

__all__ = [
    "CommonEffect",
    "DrugConflict",
    "DrugEffect",
    "common_effects",
    "drug_conflicts",
    "drug_effects",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugEffect(DiagnosisRule):
    """Drugs that can cause the diagnosis, and a result that `needs` to be "low" or "high".

    Where `below` names a number for the result's unit, a low result counts only below it: `own`
    says why."""

    drugs: tuple[str, ...]
    analyte: str = ""
    needs: str = ""
    below: Mapping[str, float] = field(default_factory=dict)
    own: str = ""

    def speaks_of(self, result: Fact) -> bool:
        """Whether a result is as low or as high as the effect makes it."""
        if result.flag is None or not (
            result.flag.is_low if self.needs == "low" else result.flag.is_high
        ):
            return False
        if not self.below:
            return True
        return result.value is not None and result.value < self.below.get(result.unit or "", 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugConflict(DiagnosisRule):
    """Drugs that conflict with the recorded disease, or with a result below a value, in a patient
    of at least `from_years` (the Beers criteria speak of adults of 65 and more)."""

    drugs: tuple[str, ...]
    analyte: str = ""
    below: float = 0.0
    from_years: float = 0.0

    def speaks_of(self, age_years: float | None) -> bool:
        """Whether the conflict is published for such an age; not when the age is not known."""
        return self.from_years == 0 or (age_years is not None and age_years >= self.from_years)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonEffect:
    """Drugs that cause an effect (by its id) in at least 1 of 100, what the source says of it, and
    the day on which that was looked up."""

    effect: str
    drugs: tuple[str, ...]
    says: str
    source: str
    looked_up: str


@cache
def _table() -> dict[str, Any]:
    return read_toml("drugs.toml")


@cache
def drug_effects() -> tuple[DrugEffect, ...]:
    """What drugs can cause. Unknown keys are an error."""
    return tuple(DrugEffect(**frozen_values(r)) for r in _table()["effect"])


@cache
def common_effects() -> tuple[CommonEffect, ...]:
    """What drugs are known to cause commonly. Unknown keys are an error."""
    return tuple(CommonEffect(**frozen_values(r)) for r in _table()["common"])


@cache
def drug_conflicts() -> tuple[DrugConflict, ...]:
    """What drugs conflict with. Unknown keys are an error."""
    return tuple(DrugConflict(**frozen_values(r)) for r in _table()["conflict"])
