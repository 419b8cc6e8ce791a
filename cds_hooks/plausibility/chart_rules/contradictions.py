"""Entries of a chart that contradict each other: by plain logic, by a published coding list, or by
a definition that its results do not meet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.indexed_chart import IndexedChart, RecordedProblem
from cds_hooks.plausibility.chart_rules.result_contradictions import (
    after_removal,
    results_and_problems,
)
from cds_hooks.plausibility.rules.demographics import CodeCategory, anywhere_in_the_body, conflicts
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Kind, PatientFacts, Polarity

__all__ = ["find_contradictions"]

_FAIL = "fail"


def find_contradictions(indexed: IndexedChart) -> tuple[Reason, ...]:
    """Entries of a chart that cannot all be true; every reason names the facts concerned."""
    return (
        *_active_and_refuted(indexed),
        *_denied_and_stated(indexed, Kind.ALLERGY, "allergy"),
        *_denied_and_stated(indexed, Kind.MEDICATION, "medication"),
        *_denied_and_stated(indexed, Kind.PROBLEM, "problem"),
        *_record_and_problem(indexed),
        *results_and_problems(indexed),
        *after_removal(indexed),
    )


def _active_and_refuted(indexed: IndexedChart) -> Iterator[Reason]:
    numbered = list(enumerate(indexed.problems))
    refuted = [pair for pair in numbered if pair[1].refuted]
    for pair in product(refuted, [pair for pair in numbered if pair[1].active]):
        (_, one), (_, other) = sorted(pair, key=lambda p: p[0])
        if _same(one, other):
            yield Reason(
                "active-and-refuted",
                _FAIL,
                "the same problem is recorded as active and as refuted",
                (one.fact.id, other.fact.id),
                "FHIR Condition.clinicalStatus and verificationStatus",
            )


def _same(one: RecordedProblem, other: RecordedProblem) -> bool:
    codes = one.identity.icd & other.identity.icd
    return bool(codes) or one.identity.same_concept(other.identity)


def _denied_and_stated(indexed: IndexedChart, kind: Kind, word: str) -> Iterator[Reason]:
    facts = indexed.of(kind)
    denied = [f.id for f in facts if f.nothing_known]
    stated = [f.id for f in facts if f.polarity is Polarity.PRESENT and f.status in ("", "active")]
    if denied and stated:
        yield Reason(
            f"none-known-and-{word}",
            _FAIL,
            f'the chart says both "none known" and an active {word}',
            (*denied, *stated),
            "plain logic within the chart",
        )


def _record_and_problem(indexed: IndexedChart) -> Iterator[Reason]:
    """Age is that of today, so only active problems are compared with it."""
    patient = indexed.chart.patient
    for problem in indexed.problems:
        if not problem.active:
            continue
        for category, contradicts in _listed(problem, patient):
            if contradicts:
                told = (
                    f"recorded sex {patient.recorded_sex}"
                    if category.sex
                    else f"recorded age: {patient.age_text}"
                )
                check = "recorded-sex-and-problem" if category.sex else "recorded-age-and-problem"
                text = f"the problem list holds {category.label}; {told}"
                yield Reason(check, _FAIL, text, (problem.fact.id,), category.source)


def _listed(
    problem: RecordedProblem, patient: PatientFacts
) -> list[tuple[CodeCategory, bool | None]]:
    """By the problem's own codes where it has any, otherwise by the code of its name."""
    codes = problem.codes or {c.code for c in problem.concepts if c.system == ICD_10_CM}
    found = dict.fromkeys(pair for code in sorted(codes) for pair in conflicts(code, patient))
    by_name = not problem.codes and anywhere_in_the_body(problem.concepts)
    return [pair for pair in found if not (by_name and pair[0].sex)]
