"""What current drugs can cause, and recorded diseases they are known to conflict with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.indexed_chart import IndexedChart, index_chart
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, Case
from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.rules.diagnosis_rules import Tied, concerning
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept
from fhir_mapping.chart import Chart, Fact

__all__ = [
    "Common",
    "Conflict",
    "DrugMayCause",
    "Effect",
    "common",
    "concerns",
    "conflicts",
    "effects",
    "medication_concerns",
]

_FRESH_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(Tied):
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
class Conflict(Tied):
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
class Common:
    """Drugs that cause an effect (by its id) in at least 1 of 100, what the source says of it, and
    the day on which that was looked up."""

    effect: str
    drugs: tuple[str, ...]
    says: str
    source: str
    looked_up: str


@cache
def _tables() -> dict[str, Any]:
    return read_toml("drugs.toml")


@cache
def effects() -> tuple[Effect, ...]:
    """The effects of `data/drugs.toml`. Unknown keys are an error."""
    return tuple(Effect(**_frozen(r)) for r in _tables()["effect"])


@cache
def common() -> tuple[Common, ...]:
    """What is known to be common, of `data/drugs.toml`. Unknown keys are an error."""
    return tuple(Common(**_frozen(r)) for r in _tables()["common"])


@cache
def conflicts() -> tuple[Conflict, ...]:
    """The conflicts of `data/drugs.toml`. Unknown keys are an error."""
    return tuple(Conflict(**_frozen(r)) for r in _tables()["conflict"])


@dataclass(frozen=True, slots=True)
class DrugMayCause:
    """Information, not a judgement: a current drug can cause the diagnosis, or commonly does."""

    id: str = "drug-may-cause"
    source: str = "data/drugs.toml, each entry with its own"

    def __call__(self, case: Case) -> Iterator[Reason]:
        for effect in concerning(effects, case.concepts):
            ids = _taken(effect.drugs, case.record)
            if ids:
                text, source = _how_often(effect, case.record)
                yield Reason(self.id, ABSTAIN, text, ids, source)


def medication_concerns(chart: Chart, terminology: Terminology | None = None) -> tuple[Reason, ...]:
    """Abnormal results that a current drug can cause, and conflicts with recorded diseases.

    Every reason names the medication and the result or problem. Information: nothing is ordered.
    """
    return concerns(index_chart(chart, terminology))


def concerns(prepared: IndexedChart) -> tuple[Reason, ...]:
    """As `medication_concerns`, of a chart already prepared."""
    return (*_results(prepared), *_conflicts(prepared))


def _results(prepared: IndexedChart) -> Iterator[Reason]:
    for effect in effects():
        found = prepared.results.of(effect.analyte, _FRESH_DAYS) if effect.analyte else []
        if not found or not effect.speaks_of(found[0]):
            continue
        if drugs := _taken(effect.drugs, prepared):
            often, source = _how_often(effect, prepared)
            ids = (found[0].id, *drugs)
            text = f"{effect.id.replace('-', ' ')}: {often}"
            yield Reason("drug-and-result", ABSTAIN, text, ids, source)


def _how_often(effect: Effect, prepared: IndexedChart) -> tuple[str, str]:
    """What is said of a drug that is taken, and by which source: "commonly" only where that was
    looked up for this very drug."""
    known = (c for c in common() if c.effect == effect.id and _taken(c.drugs, prepared))
    found = next(known, None)
    if found is None:
        return "a current medication can cause it", effect.source
    return "a current medication commonly causes it", found.source


def _conflicts(prepared: IndexedChart) -> Iterator[Reason]:
    for conflict in conflicts():
        applies = conflict.speaks_of(prepared.chart.patient.age_years)
        drugs = _taken(conflict.drugs, prepared) if applies else ()
        against = _against(conflict, prepared) if drugs else ()
        if against:
            ids = (*drugs, *against)
            yield Reason("drug-and-problem", FAIL, conflict.reason, ids, conflict.source)


def _against(conflict: Conflict, prepared: IndexedChart) -> tuple[str, ...]:
    """Current problems and the newest result with which a drug conflicts."""
    found = [
        p.fact.id
        for p in prepared.problems
        if p.active and (conflict.concerns(p.concepts) or conflict.concerns(_coded(p.codes)))
    ]
    results = prepared.results.of(conflict.analyte, _FRESH_DAYS) if conflict.analyte else []
    if results and results[0].value is not None and results[0].value < conflict.below:
        found.append(results[0].id)
    return tuple(found)


def _coded(codes: frozenset[str]) -> list[Concept]:
    return [Concept(ICD_10_CM, code, "") for code in sorted(codes)]


def _taken(drugs: tuple[str, ...], prepared: IndexedChart) -> tuple[str, ...]:
    return prepared.taken(_pattern(drugs))


@cache
def _pattern(drugs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(re.escape(d) for d in drugs)})")


def _frozen(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v if not isinstance(v, list) else frozenset(v) if k == "mesh" else tuple(v)
        for k, v in raw.items()
    }
