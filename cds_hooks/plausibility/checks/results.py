"""A diagnosis against the results that define it, or that one expects with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.results_by_analyte import told_values
from cds_hooks.plausibility.chart.treatments import treating
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, CheckedDiagnosis
from cds_hooks.plausibility.rules.diagnosis_rules import (
    ResultRule,
    TestRule,
    result_rules,
    rules_about,
    test_rules,
)
from fhir_mapping.chart import Fact, Polarity

__all__ = ["DefiningResult", "ExpectedResult", "NegativeTest"]


@dataclass(frozen=True, slots=True)
class DefiningResult:
    """A result that is part of the diagnosis's definition lies where the definition asks."""

    id: str = "defining-result"
    source: str = "data/rules/results.toml, each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        yield from _judge(self.id, case, contradicts=True)


@dataclass(frozen=True, slots=True)
class ExpectedResult:
    """A result that one expects with the diagnosis lies where it is expected."""

    id: str = "expected-result"
    source: str = "data/rules/results.toml, each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        yield from _judge(self.id, case, contradicts=False)


@dataclass(frozen=True, slots=True)
class NegativeTest:
    """A test that is specific for the diagnosis was negative."""

    id: str = "negative-test"
    source: str = "data/rules/tests.toml, each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        for rule in rules_about(test_rules, case.concepts):
            found = case.indexed.results.of(rule.analyte, rule.within_days)
            if found and _was_only_negative(rule, found[0]):
                text = "the newest specific test is negative; it can be falsely so"
                yield Reason(self.id, FAIL, text, (found[0].id,), rule.source)


def _was_only_negative(rule: TestRule, fact: Fact) -> bool:
    """Negative now, and in no other way before ("positive -> negative")."""
    if rule.negative_below and fact.value is not None:
        return fact.unit == rule.unit and max(told_values(fact)) < rule.negative_below
    return fact.polarity is Polarity.ABSENT and " -> " not in fact.text


def _judge(check: str, case: CheckedDiagnosis, *, contradicts: bool) -> Iterator[Reason]:
    for rule in rules_about(result_rules, case.concepts):
        if rule.contradicts is not contradicts or not _speaks_of(rule, case):
            continue
        found = case.indexed.results.of(rule.analyte, rule.within_days)
        told = [agrees(rule, f) for f in found]
        if True in told:
            fact = found[told.index(True)]
            cited = fact.id in {e.fact_id for e in (*case.evidence_for, *case.evidence_against)}
            text = rule.reason + ("" if cited else " (so in the chart, not cited by the model)")
            yield Reason(check, PASS, text, (fact.id,), rule.source)
        elif found and None not in told:
            yield _elsewhere(check, rule, found, case)


def _elsewhere(
    check: str, rule: ResultRule, found: Sequence[Fact], case: CheckedDiagnosis
) -> Reason:
    """Results that all lie elsewhere: against the diagnosis, unless a treatment explains them."""
    ids = tuple(f.id for f in found)
    excused = not any(word in case.name.lower() for word in rule.even_treated)
    if excused and (given := treating(rule, case.indexed)):
        text = f"{rule.reason}; it lies elsewhere now, under a treatment that may explain it"
        return Reason(check, ABSTAIN, text, (*ids, *given), rule.source)
    return Reason(check, FAIL, f"{rule.reason}; the chart shows otherwise", ids, rule.source)


def _speaks_of(rule: ResultRule, case: CheckedDiagnosis) -> bool:
    """Not of a form of the disease that the result says nothing of, nor of a child where the limit
    is an adult's, nor where the age is not known then."""
    if any(word in case.name.lower() for word in rule.unless_named):
        return False
    age = case.indexed.chart.patient.age_years
    return not rule.from_years or (age is not None and age >= rule.from_years)
