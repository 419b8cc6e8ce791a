"""Recorded problems against results and operations of the same chart, from both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.plausibility import Terminology, assess_chart
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.rules.diagnosis_rules import ResultRule, result_rules
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, Polarity

Make = Callable[..., Any]
DEFINING = [r for r in result_rules() if r.contradicts]
ICD, MESH = "http://hl7.org/fhir/sid/icd-10-cm", "http://id.nlm.nih.gov/mesh"


def measured(rule: ResultRule, meets: bool, days_ago: float = 0.0, fact_id: str = "L1") -> Fact:
    """A result of the rule's analyte that does or does not meet the definition."""
    low = rule.needs == "low" or rule.below is not None or rule.at_most is not None
    limit = rule.below or rule.above or rule.at_least or rule.at_most or 10.0
    value = limit + (5 if low is not meets else -5)
    flag = (Flag.LOW if low else Flag.HIGH) if meets else Flag.NORMAL
    codes = (Code("http://loinc.org", min(analytes()[rule.analyte].loinc)),)
    told = {"value": value, "unit": rule.unit or "mmol/L", "flag": flag, "codes": codes}
    return Fact(fact_id, Kind.LAB, f"{rule.analyte} {value}", days_ago=days_ago, **told)


@pytest.fixture(scope="session")
def recorded(terminology: Terminology, problem: Make) -> Callable[..., Fact]:
    """An active problem that a rule speaks of, by its code or its name."""

    def make(rule: ResultRule, **rest: Any) -> Fact:
        told = {"days_ago": 0.5, **rest}
        if rule.codes:
            return problem("P1", "The problem", rule.codes[0], **told)
        for descriptor in sorted(rule.mesh):
            concept = terminology.concept(descriptor)
            if concept is not None:
                return problem("P1", concept.display, **told)
        raise AssertionError(rule.id)

    return make


@pytest.fixture(scope="session")
def told(terminology: Terminology) -> Callable[[Chart], list[tuple[str, ...]]]:
    """Fact ids of what is said of results and problems."""

    def make(chart: Chart) -> list[tuple[str, ...]]:
        found = assess_chart(chart, terminology).contradictions
        return [r.fact_ids for r in found if r.check == "result-and-problem"]

    return make


def by_id(rule: str) -> ResultRule:
    return next(r for r in DEFINING if r.id == rule)


@pytest.mark.parametrize("rule", DEFINING, ids=[r.id for r in DEFINING])
def test_every_defining_result_speaks_on_the_chart_and_is_silent_when_met(
    rule: ResultRule, recorded: Make, told: Make, chart: Make
) -> None:
    new = recorded(rule)
    assert ("P1", "L1") in told(chart(new, measured(rule, meets=False)))
    assert told(chart(new, measured(rule, meets=True))) == []
    over = recorded(rule, status="resolved")
    assert told(chart(over, measured(rule, meets=False))) == []


@pytest.mark.parametrize("rule", DEFINING, ids=[r.id for r in DEFINING])
def test_a_result_that_once_met_the_definition_was_put_right_since(
    rule: ResultRule, recorded: Make, told: Make, chart: Make
) -> None:
    once = measured(rule, meets=True, days_ago=300, fact_id="L2")
    assert told(chart(recorded(rule), measured(rule, meets=False), once)) == []


@pytest.mark.parametrize("rule", DEFINING, ids=[r.id for r in DEFINING])
def test_an_old_problem_is_not_checked_against_one_result_of_today(
    rule: ResultRule, recorded: Make, told: Make, chart: Make
) -> None:
    for began in (900.0, None):
        old = recorded(rule, days_ago=began)
        assert told(chart(old, measured(rule, meets=False))) == []


@pytest.mark.parametrize("rule", [r for r in DEFINING if r.treated_by], ids=lambda r: r.id)
def test_a_treated_disease_is_not_called_contradicted(
    rule: ResultRule, recorded: Make, told: Make, chart: Make, fact: Make
) -> None:
    both = (recorded(rule), measured(rule, meets=False))
    for word in rule.treated_by:
        given = fact("M1", f"{word.title()} 10 mg", status="active")
        assert told(chart(*both, given)) == []
    never = fact("M1", f"{rule.treated_by[0]} 10 mg", polarity=Polarity.ABSENT)
    assert told(chart(*both, never)) != []


@pytest.mark.parametrize(
    ("code", "name", "result"),
    [
        ("E11.9", "Type 2 diabetes mellitus", ("4548-4", "Hemoglobin A1c 5.9 %", 5.9, "%")),
        ("E03.9", "Hypothyroidism", ("3016-3", "TSH 2.1 mU/L", 2.1, "m[IU]/L")),
        ("I10", "Hypertension", ("8480-6", "Systolic 118 mm[Hg]", 118.0, "mm[Hg]")),
        ("E78.5", "Hyperlipidemia", ("2093-3", "Cholesterol 150 mg/dL", 150.0, "mg/dL")),
        ("D50.9", "Iron deficiency anemia", ("2276-4", "Ferritin 80 ug/L", 80.0, "ug/L")),
    ],
)
def test_controlled_diseases_are_left_alone(
    code: str, name: str, result: Any, told: Make, chart: Make, problem: Make
) -> None:
    loinc, text, value, unit = result
    normal = Fact(
        "L1", Kind.LAB, text, (Code("http://loinc.org", loinc),), value, unit=unit,
        flag=Flag.NORMAL, days_ago=0.0,
    )  # fmt: skip
    for began in (0.5, 400.0, None):
        assert told(chart(problem("P1", name, code, days_ago=began), normal)) == []


def test_an_anemia_that_was_treated_away_is_left_alone(
    told: Make, chart: Make, recorded: Make
) -> None:
    rule = by_id("anemia")
    low = measured(rule, meets=True, days_ago=200, fact_id="L2")
    old = recorded(rule, days_ago=210.0)
    assert told(chart(old, measured(rule, meets=False), low)) == []


def test_kidney_disease_by_stage_lasts_and_is_told_whenever_it_began(
    told: Make, chart: Make, recorded: Make, fact: Make
) -> None:
    rule = by_id("advanced-ckd")
    today, then = measured(rule, False), measured(rule, False, 200, "L2")
    for began in (900.0, None):
        assert told(chart(recorded(rule, days_ago=began), today, then)) == [("P1", "L1", "L2")]
    soon = measured(rule, False, 60, "L2")
    assert told(chart(recorded(rule, days_ago=900.0), today, soon)) == []
    graft = fact("X1", "Kidney transplantation", status="completed", days_ago=500)
    assert told(chart(recorded(rule, days_ago=900.0), today, then, graft)) == []


def test_results_that_cannot_be_judged_or_dated_say_nothing(
    told: Make, chart: Make, recorded: Make
) -> None:
    rule = by_id("hyponatremia")
    bare = measured(rule, False)
    unjudged = Fact("L2", Kind.LAB, bare.text, bare.codes, bare.value, days_ago=0.0)
    undated = Fact("L1", Kind.LAB, bare.text, bare.codes, bare.value, flag=Flag.NORMAL)
    assert told(chart(recorded(rule), unjudged)) == []
    assert told(chart(recorded(rule), bare, unjudged)) == []
    assert told(chart(recorded(rule), undated)) == []


def test_the_words_are_about_the_record(
    terminology: Terminology, chart: Make, recorded: Make
) -> None:
    rule = by_id("hyponatremia")
    (found,) = assess_chart(
        chart(recorded(rule), measured(rule, False)), terminology
    ).contradictions
    assert found.text == (
        "recorded as active; the chart shows no such result: "
        "serum sodium below the reference range defines it"
    )
    assert (found.result, found.source) == ("fail", rule.source)


@pytest.mark.parametrize(
    ("began", "removed", "status", "conflict"),
    [
        (10.0, 400.0, "completed", True),
        (400.0, 10.0, "completed", False),
        (None, 400.0, "completed", False),
        (10.0, None, "completed", False),
        (10.0, 400.0, "not-done", False),
    ],
)
def test_a_problem_recorded_to_begin_after_its_organ_was_removed(
    terminology: Terminology, chart: Make, problem: Make, fact: Make,
    began: float | None, removed: float | None, status: str, conflict: bool,
) -> None:  # fmt: skip
    facts = chart(
        problem("P1", "Acute cholecystitis", "K81.0", days_ago=began),
        fact("X1", "Cholecystectomy", status=status, days_ago=removed),
    )
    found = [(r.check, r.fact_ids) for r in assess_chart(facts, terminology).contradictions]
    assert found == ([("organ-and-problem", ("P1", "X1"))] if conflict else [])
