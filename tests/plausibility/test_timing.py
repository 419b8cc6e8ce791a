"""Rules of timing, each from both sides, and what a chart that tells no time leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.consultation import Reason, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates, assess_new_problems
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, index_chart
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.checks.timing import (
    AfterRule,
    LastsRule,
    PersistsRule,
    Timing,
    timing_rules,
)
from cds_hooks.plausibility.rules.diagnosis_rules import DiagnosisRule
from cds_hooks.plausibility.terminology.resolution import Concept, MatchStatus, Resolution
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity

Make = Callable[..., Any]
LASTS = [r for r in timing_rules() if isinstance(r, LastsRule)]
AFTER = [r for r in timing_rules() if isinstance(r, AfterRule)]
PERSISTS = [r for r in timing_rules() if isinstance(r, PersistsRule)]


@pytest.fixture(scope="session")
def said(terminology: Terminology) -> Callable[..., list[tuple[str, tuple[str, ...]]]]:
    """Result and fact ids of what is said of a rule's diagnosis by this rule."""

    def make(rule: DiagnosisRule, *facts: Fact) -> list[tuple[str, tuple[str, ...]]]:
        return [(r.result, r.fact_ids) for r in _reasons(terminology, rule, *facts)]

    return make


def _reasons(terminology: Terminology, rule: DiagnosisRule, *facts: Fact) -> list[Reason]:
    code = rule.codes[0] if rule.codes else min(rule.mesh)
    concept = terminology.concept(code)
    assert isinstance(concept, Concept), code
    found = Resolution("x", MatchStatus.EXACT, (concept,), "x")
    indexed = index_chart(Chart(PatientFacts(30, "female"), facts), terminology)
    case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), indexed, terminology)
    return [r for r in Timing()(case) if r.source == rule.source]


def told(rule: LastsRule, fits: bool, word: str | None = None, **rest: Any) -> Fact:
    """A complaint of the rule's symptom, of a length that does or does not fit."""
    limit = rule.at_least_days or rule.at_most_days
    days = int(limit * 2) + 2 if fits is bool(rule.at_least_days) else max(int(limit / 2), 1)
    text = f"{word or rule.told[0]} for {min(999, days)} days"
    return Fact("S1", Kind.COMPLAINT, text, **{"days_ago": 0.0, **rest})


def test_there_are_rules_with_sources() -> None:
    assert len(timing_rules()) >= 40
    assert len({r.id for r in timing_rules()}) == len(timing_rules())
    for rule in timing_rules():
        assert rule.source
        assert rule.reason
        assert rule.codes or rule.mesh


@pytest.mark.parametrize("rule", LASTS, ids=lambda r: r.id)
def test_a_complaint_of_fitting_and_of_another_length(said: Make, rule: LastsRule) -> None:
    assert (rule.at_least_days > 0) is not (rule.at_most_days > 0)
    for word in rule.told:
        assert said(rule, told(rule, fits=True, word=word)) == [("pass", ("S1",))]
        assert said(rule, told(rule, fits=False, word=word)) == [("fail", ("S1",))]


@pytest.mark.parametrize("rule", LASTS, ids=lambda r: r.id)
def test_where_the_chart_tells_no_time_nothing_is_said(said: Make, rule: LastsRule) -> None:
    wrong = told(rule, fits=False)
    assert said(rule) == []
    assert said(rule, Fact("S1", Kind.COMPLAINT, rule.told[0], days_ago=0.0)) == []
    assert said(rule, told(rule, fits=False, days_ago=None)) == []
    assert said(rule, told(rule, fits=False, days_ago=40.0)) == []
    assert said(rule, told(rule, fits=False, polarity=Polarity.ABSENT)) == []
    assert said(rule, Fact("S1", Kind.COMPLAINT, f"No {wrong.text}", days_ago=0.0)) == []
    assert said(rule, Fact("S1", Kind.COMPLAINT, f"{rule.told[0]}. Toe for 1 day")) == []
    assert said(rule, Fact("F1", Kind.FAMILY, wrong.text, days_ago=0.0)) == []


@pytest.mark.parametrize("rule", LASTS, ids=lambda r: r.id)
def test_one_length_that_fits_is_enough(said: Make, rule: LastsRule) -> None:
    other = Fact("S2", Kind.COMPLAINT, told(rule, fits=True).text, days_ago=0.0)
    assert said(rule, told(rule, fits=False), other) == [("pass", ("S2",))]


def test_a_length_left_open_says_nothing_on_that_side(said: Make) -> None:
    rule = next(r for r in LASTS if r.id == "chronic-pain")
    open_ = Fact("S1", Kind.COMPLAINT, "Pain for more than 2 weeks", days_ago=0.0)
    assert said(rule, open_) == []
    bounded = Fact("S1", Kind.COMPLAINT, "Pain for less than 2 weeks", days_ago=0.0)
    assert said(rule, bounded) == [("fail", ("S1",))]


def happened(rule: AfterRule, fits: bool, **rest: Any) -> Fact:
    """An event so long ago that the diagnosis may, or may not, follow it."""
    ago = rule.within_days or rule.from_days
    days = ago / 2 if fits is bool(rule.within_days) else ago * 2
    told = {"days_ago": days, "status": "completed", **rest}
    return Fact("X1", Kind.PROCEDURE, f"A {rule.event[0]}", **told)


@pytest.mark.parametrize("rule", AFTER, ids=lambda r: r.id)
def test_an_event_within_the_time_and_beyond_it(said: Make, rule: AfterRule) -> None:
    assert said(rule, happened(rule, fits=True)) == [("pass", ("X1",))]
    assert said(rule, happened(rule, fits=False)) == [("fail", ("X1",))]


@pytest.mark.parametrize("rule", AFTER, ids=lambda r: r.id)
def test_without_an_event_of_known_time_nothing_is_said(said: Make, rule: AfterRule) -> None:
    assert said(rule) == []
    assert said(rule, Fact("X1", Kind.PROCEDURE, "Colonoscopy", days_ago=900.0)) == []
    assert said(rule, happened(rule, fits=False, days_ago=None)) == []
    assert said(rule, happened(rule, fits=False, status="not-done")) == []
    assert said(rule, happened(rule, fits=False, polarity=Polarity.ABSENT)) == []


@pytest.mark.parametrize("rule", [r for r in AFTER if r.event_codes], ids=lambda r: r.id)
def test_a_birth_is_known_by_its_code(said: Make, rule: AfterRule) -> None:
    code = Code("http://hl7.org/fhir/sid/icd-10-cm", rule.event_codes[0])
    birth = Fact("P1", Kind.PROBLEM, "Outcome", (code,), days_ago=rule.within_days + 1)
    assert said(rule, birth) == [("fail", ("P1",))]


def measured(rule: PersistsRule, fact_id: str, days_ago: float, lies: bool) -> Fact:
    value = 45.0 if lies is (rule.below is not None) else 95.0
    flag = (Flag.HIGH if rule.needs else Flag.LOW) if lies else Flag.NORMAL
    codes = (Code("http://loinc.org", min(analytes()[rule.analyte].loinc)),)
    return Fact(fact_id, Kind.LAB, f"{rule.analyte} {value}", codes, value, flag=flag,
                days_ago=days_ago)  # fmt: skip


@pytest.mark.parametrize("rule", PERSISTS, ids=lambda r: r.id)
def test_results_that_last_and_results_that_are_new(said: Make, rule: PersistsRule) -> None:
    now, then = measured(rule, "L1", 0, True), measured(rule, "L2", 200, True)
    assert said(rule, now, then) == [("pass", ("L1", "L2"))]
    before = measured(rule, "L2", 60, False)
    assert said(rule, now, before) == [("fail", ("L1", "L2"))]


@pytest.mark.parametrize("rule", PERSISTS, ids=lambda r: r.id)
def test_a_first_result_or_none_tells_no_time(said: Make, rule: PersistsRule) -> None:
    assert said(rule) == []
    assert said(rule, measured(rule, "L1", 0, True)) == []
    assert said(rule, measured(rule, "L1", 0, True), measured(rule, "L2", 30, True)) == []
    assert said(rule, measured(rule, "L1", 0, False)) == []


def test_a_time_that_does_not_fit_is_a_doubt_and_no_contradiction(
    terminology: Terminology, chart: Make, differential: Make, fact: Make
) -> None:
    new = chart(fact("S1", "Cough for 3 days", days_ago=0.0))
    (found,) = assess_candidates(new, [differential(("Chronic cough", "S1 present"))], terminology)
    assert found.verdict is Verdict.UNCERTAIN
    old = chart(fact("S1", "Cough for 3 months", days_ago=0.0))
    (found,) = assess_candidates(old, [differential(("Chronic cough", "S1 present"))], terminology)
    assert found.verdict is Verdict.PLAUSIBLE


def test_an_entered_problem_is_checked_against_the_time(
    terminology: Terminology, chart: Make, problem: Make, fact: Make
) -> None:
    before = chart(fact("X1", "Cesarean section", status="completed", days_ago=800.0))
    (found,) = assess_new_problems(before, [problem("P1", "Puerperal sepsis", "O85")], terminology)
    assert found.verdict is Verdict.UNCERTAIN
    assert [r.fact_ids for r in found.reasons if r.check == "timing"] == [("X1",)]
