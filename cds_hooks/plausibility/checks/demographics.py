"""Recorded sex and age against the sex and age that coding ties a diagnosis to.

Worded about the record, never about the person: a recorded sex may differ from anatomy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, CheckedDiagnosis
from cds_hooks.plausibility.rules.demographics import (
    SEXES,
    CodeCategory,
    NamedCategory,
    anywhere_in_the_body,
    categories,
    conflicts,
    named_categories,
    tree_categories,
)
from cds_hooks.plausibility.rules.diagnosis_rules import age_rules, rules_about
from cds_hooks.plausibility.terminology.resolution import Concept, MatchStatus
from fhir_mapping.chart import PatientFacts

__all__ = ["RecordedAge", "RecordedSex", "UnusualAge"]

_ORGAN = re.compile(r"\b(?:uter|ovar|endometri|vagin|vulv|prostat|testic|scrot|penile)")


def _by_name(case: CheckedDiagnosis) -> NamedCategory | None:
    """The category of the words of a name whose codes tell of none."""
    told = [
        c for concept in case.resolution.icd for c in categories() if c.holds_code(concept.code)
    ]
    if told and case.resolution.status is not MatchStatus.PARTIAL:
        return None
    return next((c for c in named_categories() if c.holds(case.name)), None)


@dataclass(frozen=True, slots=True)
class RecordedSex:
    """The recorded sex is not the one that coding ties the diagnosis to."""

    id: str = "recorded-sex"
    source: str = "CMS Medicare Code Editor, sex conflict"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        found = case.resolution
        told = f"recorded sex is {case.indexed.chart.patient.recorded_sex or 'not recorded'}"
        if (named := _by_name(case)) is not None:
            yield _sex_of(self.id, named, case.indexed.chart.patient, told)
            return
        if anywhere_in_the_body(found.concepts) and not _ORGAN.search(case.name.lower()):
            return
        if not found.icd and found.exact:
            yield from _by_tree(self.id, found.concepts, case.indexed.chart.patient, told)
        yield from _judge(self.id, case, told, lambda c: c.sex is not None)


@dataclass(frozen=True, slots=True)
class RecordedAge:
    """The recorded age lies outside the ages that coding ties the diagnosis to."""

    id: str = "recorded-age"
    source: str = "CMS Medicare Code Editor, age conflict"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        patient = case.indexed.chart.patient
        told = f"recorded age: {patient.age_text}"
        named, age = _by_name(case), patient.age_years
        if named and age is not None and not named.from_years <= age < named.below_years:
            yield Reason(self.id, FAIL, f"{named.label}; {told}", source=named.source)
            return
        yield from _judge(self.id, case, told, lambda c: c.sex is None)


@dataclass(frozen=True, slots=True)
class UnusualAge:
    """The recorded age is not one at which the diagnosis is expected: a doubt; or none at which
    its definition lets it be (`contradicts`), told as `recorded-age`."""

    id: str = "unusual-age"
    source: str = "data/rules/ages.toml, each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        patient = case.indexed.chart.patient
        if patient.age_years is None:
            return
        for rule in rules_about(age_rules, case.concepts):
            if not rule.from_years <= patient.age_years < rule.below_years:
                text = f"{rule.reason}; recorded age: {patient.age_text}"
                check = RecordedAge().id if rule.contradicts else self.id
                yield Reason(check, FAIL, text, source=rule.source)


def _sex_of(check: str, named: NamedCategory, patient: PatientFacts, told: str) -> Reason:
    known, same = patient.recorded_sex in SEXES, patient.recorded_sex == named.sex
    result = ABSTAIN if not known else PASS if same else FAIL
    return Reason(check, result, f"{named.label}; {told}", source=named.source)


def _by_tree(
    check: str, concepts: Iterable[Concept], patient: PatientFacts, told: str
) -> Iterator[Reason]:
    for category in tree_categories():
        if any(category.holds(c) for c in concepts):
            known = patient.recorded_sex in SEXES
            same = patient.recorded_sex == category.sex
            result = ABSTAIN if not known else PASS if same else FAIL
            yield Reason(check, result, f"{category.label}; {told}", source=category.source)


def _judge(
    check: str, case: CheckedDiagnosis, told: str, mine: Callable[[CodeCategory], bool]
) -> Iterator[Reason]:
    """Fails only when every code the name may stand for is contradicted; a name of which the
    code is only wider or narrower is not judged by it."""
    found = [
        [(c, x) for c, x in conflicts(concept.code, case.indexed.chart.patient) if mine(c)]
        for concept in case.resolution.icd
        if case.resolution.status is not MatchStatus.PARTIAL
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
