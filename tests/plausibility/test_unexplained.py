"""What a list leaves over, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.consultation import Assessment, Verdict
from cds_hooks.plausibility import (
    DifferentialAssessment,
    Terminology,
    assess_candidates,
    assess_differentials,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity

Make = Callable[..., Any]


def lab(fact_id: str, loinc: str, name: str, flag: Flag, **rest: Any) -> Fact:
    told = {"value": 5.0, "days_ago": 0.1, **rest}
    codes = (Code("http://loinc.org", loinc, name),)
    return Fact(fact_id, Kind.LAB, f"{name} 5", codes=codes, flag=flag, **told)


LIPASE = lab("L1", "3040-3", "Lipase", Flag.HIGH)
LITHIUM = lab("L2", "14334-7", "Lithium", Flag.CRITICAL_HIGH)
ZINC = lab("L3", "5763-8", "Zinc", Flag.LOW, days_ago=3.0)
PAIN = Fact("S1", Kind.COMPLAINT, "Abdominal pain")


@pytest.fixture(scope="session")
def told(terminology: Terminology, differential: Make) -> Make:
    """The judgement of one diagnosis that cites S1 and more, on a chart with a complaint."""

    def make(name: str, *facts: Fact, claims: tuple[str, ...] = ()) -> DifferentialAssessment:
        chart = Chart(PatientFacts(50, "female"), (PAIN, *facts))
        return assess_differentials(
            chart, [differential((name, "S1 present", *claims))], terminology
        )

    return make


def left(judgement: DifferentialAssessment) -> tuple[str, ...]:
    """The facts that are named as left over."""
    return tuple(i for r in judgement.unexplained for i in r.fact_ids)


def test_what_nobody_cited_is_left_over_critical_results_first(told: Make) -> None:
    found = told("Gastritis", ZINC, LITHIUM)
    assert left(found) == ("L2", "L3")
    (reason,) = found.unexplained
    assert (reason.check, reason.result) == ("unexplained-result", "abstain")


def test_what_is_cited_for_or_against_is_not_left_over(told: Make) -> None:
    assert left(told("Gastritis", ZINC, LITHIUM, claims=("L2 high",))) == ("L3",)


def test_what_a_rule_expects_with_the_diagnosis_is_not_left_over(told: Make) -> None:
    assert left(told("Acute pancreatitis", LIPASE)) == ()
    assert left(told("Migraine", LIPASE)) == ("L1",)


def test_what_a_recorded_problem_tells_is_not_left_over(told: Make, problem: Make) -> None:
    known = problem("P1", "Acute pancreatitis", "K85.9")
    assert left(told("Migraine", LIPASE, known)) == ()
    over = replace(known, status="resolved")
    assert left(told("Migraine", LIPASE, over)) == ("L1",)


@pytest.mark.parametrize(
    "change",
    [
        {"days_ago": 30.0},
        {"days_ago": None},
        {"flag": Flag.NORMAL},
        {"flag": None},
        {"polarity": Polarity.UNKNOWN},
    ],
)
def test_old_undated_normal_and_unjudged_results_are_not_named(told: Make, change: Any) -> None:
    assert left(told("Migraine", replace(ZINC, **change))) == ()


def test_a_newer_normal_result_settles_it(told: Make) -> None:
    normal = replace(ZINC, id="L4", flag=Flag.NORMAL, days_ago=0.5)
    assert left(told("Migraine", ZINC, normal)) == ()
    assert left(told("Migraine", normal, replace(ZINC, days_ago=0.1))) == ("L3",)


def test_results_that_tell_one_thing_are_named_once(told: Make) -> None:
    low = lab("L5", "718-7", "Hemoglobin", Flag.LOW)
    also = lab("L6", "4544-3", "Hematocrit", Flag.LOW)
    assert left(told("Migraine", low, also)) == ("L5",)
    assert left(told("Migraine", low, also, claims=("L6 low",))) == ()


def test_a_list_of_which_nothing_stands_leaves_nothing_over(told: Make) -> None:
    found = told("Glorbitis", ZINC)
    assert found.assessments[0].verdict is Verdict.UNRECOGNISED
    assert found.unexplained == ()


def test_without_an_answer_of_the_model_there_are_no_red_flags(terminology: Terminology) -> None:
    facts = (
        Fact("S1", Kind.COMPLAINT, "Chest pain and hemoptysis"),
        Fact("S2", Kind.COMPLAINT, "Calf swelling"),
    )
    chart = Chart(PatientFacts(50, "female"), facts)
    assert assess_differentials(chart, [], terminology).red_flags == ()


def uncited(assessment: Assessment) -> tuple[str, ...]:
    return tuple(
        i for r in assessment.reasons if r.check == "unexplained-finding" for i in r.fact_ids
    )


def test_findings_that_bear_on_a_diagnosis_and_were_not_cited_are_named(
    terminology: Terminology, differential: Make
) -> None:
    facts = (
        Fact("S1", Kind.COMPLAINT, "Chest pain"),
        Fact("S2", Kind.COMPLAINT, "Calf swelling"),
        Fact("S3", Kind.COMPLAINT, "Itching"),
    )
    chart = Chart(PatientFacts(50, "female"), facts)
    sample = differential(("Pulmonary embolism", "S1 present"), ("Eczema", "S3 present"))
    embolism, eczema = assess_candidates(chart, [sample], terminology)
    assert uncited(embolism) == ("S2",)
    assert uncited(eczema) == ()
    assert embolism.verdict is Verdict.PLAUSIBLE
    both = differential(("Pulmonary embolism", "S1 present", "S2 present"))
    assert uncited(assess_candidates(chart, [both], terminology)[0]) == ()


def test_an_earlier_event_does_not_silence_a_new_one_and_the_recorded_one_is_no_red_flag(
    terminology: Terminology, differential: Make, problem: Make
) -> None:
    facts = (
        Fact("S1", Kind.COMPLAINT, "Chest pain and hemoptysis"),
        Fact("S2", Kind.COMPLAINT, "Calf swelling"),
    )
    known = problem("P1", "Pulmonary embolism", "I26.99")
    sample = [differential(("Gout", "S1 present"))]
    new = assess_differentials(Chart(PatientFacts(50, "female"), facts), sample, terminology)
    assert any("Pulmonary embolism" in r.text for r in new.red_flags)
    old = assess_differentials(
        Chart(PatientFacts(50, "female"), (*facts, known)), sample, terminology
    )
    assert any("Pulmonary embolism" in r.text for r in old.red_flags)
    today = replace(known, days_ago=0.1)
    entered = assess_differentials(
        Chart(PatientFacts(50, "female"), (*facts, today)), sample, terminology
    )
    assert not any("Pulmonary embolism" in r.text for r in entered.red_flags)
