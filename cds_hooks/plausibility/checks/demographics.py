"""Recorded sex and age against the sex and age that coding ties a diagnosis to.

Worded about the record, never about the person: a recorded sex may differ from anatomy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.base import ABSTAIN, FAIL, PASS, Case
from cds_hooks.plausibility.resolution import Status
from cds_hooks.plausibility.rules import age_rules
from fhir_mapping.chart import PatientFacts

__all__ = ["Category", "RecordedAge", "RecordedSex", "UnusualAge", "categories", "conflicts"]

_SEXES = ("female", "male")


@dataclass(frozen=True, slots=True)
class Category:
    """Codes tied to a recorded sex, or to ages from `from_years` to below `below_years`."""

    id: str
    label: str
    source: str
    codes: frozenset[str]
    sex: str | None = None
    from_years: float | None = None
    below_years: float | None = None

    def holds_code(self, code: str) -> bool:
        """Whether the code or one above it is listed."""
        return any(code[:n] in self.codes for n in range(3, len(code) + 1))

    def conflicts_with(self, patient: PatientFacts) -> bool | None:
        """Whether the record contradicts the category; None when it does not say."""
        if self.sex is not None:
            return patient.recorded_sex != self.sex if patient.recorded_sex in _SEXES else None
        if patient.age_years is None or self.from_years is None or self.below_years is None:
            return None
        return not self.from_years <= patient.age_years < self.below_years


@cache
def categories() -> tuple[Category, ...]:
    """The shipped categories of `data/demographics.toml`."""
    text = files("cds_hooks.plausibility").joinpath("data/demographics.toml").read_text("utf-8")
    raw = tomllib.loads(text)
    return tuple(
        Category(
            id=c["id"],
            label=c["label"],
            source=c.get("source", raw["source"]),
            codes=frozenset(c["codes"]),
            sex=c.get("sex"),
            from_years=c.get("from_years"),
            below_years=c.get("below_years"),
        )
        for c in raw["category"]
    )


def conflicts(code: str, patient: PatientFacts) -> list[tuple[Category, bool | None]]:
    """Every category that lists an ICD-10-CM code, with whether the record contradicts it."""
    listed = [c for c in categories() if c.holds_code(code)]
    return [(c, c.conflicts_with(patient)) for c in listed]


@dataclass(frozen=True, slots=True)
class RecordedSex:
    """The recorded sex is not the one that coding ties the diagnosis to."""

    id: str = "recorded-sex"
    source: str = "CMS Medicare Code Editor, sex conflict"

    def __call__(self, case: Case) -> Iterator[Reason]:
        told = f"recorded sex is {case.record.chart.patient.recorded_sex or 'not recorded'}"
        yield from _judge(self.id, case, told, lambda c: c.sex is not None)


@dataclass(frozen=True, slots=True)
class RecordedAge:
    """The recorded age lies outside the ages that coding ties the diagnosis to."""

    id: str = "recorded-age"
    source: str = "CMS Medicare Code Editor, age conflict"

    def __call__(self, case: Case) -> Iterator[Reason]:
        told = f"recorded age: {case.record.chart.patient.age_text}"
        yield from _judge(self.id, case, told, lambda c: c.sex is None)


@dataclass(frozen=True, slots=True)
class UnusualAge:
    """The recorded age is not one at which the diagnosis is expected: a doubt."""

    id: str = "unusual-age"
    source: str = "data/rules/ages.toml, each rule with its own"

    def __call__(self, case: Case) -> Iterator[Reason]:
        patient = case.record.chart.patient
        if patient.age_years is None:
            return
        for rule in age_rules():
            inside = rule.from_years <= patient.age_years < rule.below_years
            if not inside and rule.concerns(case.concepts):
                text = f"{rule.reason}; recorded age: {patient.age_text}"
                yield Reason(self.id, FAIL, text, source=rule.source)


def _judge(check: str, case: Case, told: str, mine: Callable[[Category], bool]) -> Iterator[Reason]:
    """Fails only when every code the name may stand for is contradicted; a name of which the
    code is only wider or narrower is not judged by it."""
    found = [
        [(c, x) for c, x in conflicts(concept.code, case.record.chart.patient) if mine(c)]
        for concept in case.resolution.icd
        if case.resolution.status is not Status.PARTIAL
    ]
    if not found or not all(found):
        return
    flat = [pair for one in found for pair in one]
    category = flat[0][0]
    if all(any(x for _, x in one) for one in found):
        category = next(c for c, x in flat if x)
        yield Reason(check, FAIL, f"{category.label}; {told}", source=category.source)
    elif any(x is None for _, x in flat):
        yield Reason(check, ABSTAIN, f"{category.label}; {told}", source=category.source)
    else:
        yield Reason(check, PASS, f"{category.label}; {told}", source=category.source)
