"""Entries of a chart that cannot all be so, and entries that can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.plausibility import Terminology, assess_chart
from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts, Polarity

Make = Callable[..., Any]


def checks(chart: Chart, terminology: Terminology | None = None) -> dict[str, tuple[str, ...]]:
    """Check id -> fact ids."""
    return {r.check: r.fact_ids for r in assess_chart(chart, terminology).contradictions}


def test_a_chart_without_conflict_says_nothing(chart: Make, problem: Make, fact: Make) -> None:
    fine = chart(
        problem("P1", "Essential hypertension", "I10"),
        problem("P2", "Gout", "M10.9", status="resolved"),
        fact("A1", "Penicillin", status="active"),
        fact("M1", "Metformin", status="active"),
    )
    assert assess_chart(fine, None).contradictions == ()


def test_the_same_problem_active_and_refuted(chart: Make, problem: Make) -> None:
    yes = problem("P1", "Asthma", "J45.909")
    no = problem("P2", "Asthma", "J45.909", polarity=Polarity.REFUTED)
    assert checks(chart(yes, no)) == {"active-and-refuted": ("P1", "P2")}


def test_the_same_problem_resolved_and_refuted_is_no_conflict(chart: Make, problem: Make) -> None:
    over = problem("P1", "Asthma", "J45.909", status="resolved")
    no = problem("P2", "Asthma", "J45.909", polarity=Polarity.REFUTED)
    assert assess_chart(chart(over, no), None).contradictions == ()


def test_another_problem_refuted_is_no_conflict(chart: Make, problem: Make) -> None:
    yes = problem("P1", "Asthma", "J45.909")
    no = problem("P2", "COPD", "J44.9", polarity=Polarity.REFUTED)
    assert assess_chart(chart(yes, no), None).contradictions == ()


def test_a_subtype_refuted_is_no_conflict(chart: Make, problem: Make) -> None:
    yes = problem("P1", "Diabetes", "E11")
    no = problem("P2", "Diabetic nephropathy", "E11.21", polarity=Polarity.REFUTED)
    assert assess_chart(chart(yes, no), None).contradictions == ()


def test_synonyms_are_the_same_problem_with_a_terminology(
    chart: Make, problem: Make, terminology: Terminology
) -> None:
    facts = (
        problem("P1", "Heart attack"),
        problem("P2", "Myocardial infarction", polarity=Polarity.REFUTED),
    )
    assert checks(chart(*facts), terminology) == {"active-and-refuted": ("P1", "P2")}
    assert assess_chart(chart(*facts), None).contradictions == ()


@pytest.mark.parametrize(
    ("one", "other", "word"), [("A1", "A2", "allergy"), ("M1", "M2", "medication")]
)
def test_none_known_beside_one(chart: Make, fact: Make, one: str, other: str, word: str) -> None:
    none = fact(one, f"No known {word}", polarity=Polarity.ABSENT, nothing_known=True)
    some = fact(other, "Penicillin", status="active")
    assert checks(chart(none, some)) == {f"none-known-and-{word}": (one, other)}
    assert assess_chart(chart(none), None).contradictions == ()
    assert assess_chart(chart(some), None).contradictions == ()
    over = fact(other, "Penicillin", status="inactive")
    assert assess_chart(chart(none, over), None).contradictions == ()


@pytest.mark.parametrize(
    ("one", "other", "absent"),
    [
        ("M1", "M2", "Aspirin (not taken)"),
        ("A1", "A2", "No known food allergies"),
        ("P1", "P2", "No known heart disease"),
    ],
)
def test_one_that_is_absent_is_not_none_known(
    chart: Make, fact: Make, one: str, other: str, absent: str
) -> None:
    denied = fact(one, absent, polarity=Polarity.ABSENT)
    assert (
        assess_chart(chart(denied, fact(other, "Penicillin", status="active")), None).contradictions
        == ()
    )


@pytest.mark.parametrize(
    ("code", "sex", "conflict"),
    [
        ("N40.1", "female", True),
        ("N40.1", "male", False),
        ("N40.1", "unknown", False),
        ("N40.1", None, False),
        ("O80", "male", True),
        ("O80", "female", False),
        ("I10", "male", False),
    ],
)
def test_recorded_sex_and_a_recorded_problem(
    chart: Make, problem: Make, code: str, sex: str | None, conflict: bool
) -> None:
    found = checks(chart(problem("P1", "A problem", code), sex=sex, age=30))
    assert found == ({"recorded-sex-and-problem": ("P1",)} if conflict else {})


@pytest.mark.parametrize(("age", "conflict"), [(70, True), (8, True), (30, False), (None, False)])
def test_recorded_age_and_pregnancy(
    chart: Make, problem: Make, age: float | None, conflict: bool
) -> None:
    found = checks(chart(problem("P1", "Pre-eclampsia", "O14.90"), age=age))
    assert found == ({"recorded-age-and-problem": ("P1",)} if conflict else {})


def test_a_problem_that_is_over_is_not_compared_with_todays_age(chart: Make, problem: Make) -> None:
    over = problem("P1", "Pre-eclampsia", "O14.90", status="resolved")
    assert assess_chart(chart(over, age=70), None).contradictions == ()


def test_a_problem_without_a_code_is_compared_by_its_name(
    chart: Make, problem: Make, terminology: Terminology
) -> None:
    facts = chart(problem("P1", "Ovarian cyst"), sex="male")
    assert checks(facts, terminology) == {"recorded-sex-and-problem": ("P1",)}
    assert assess_chart(facts, None).contradictions == ()


FACTS = st.builds(
    Fact,
    st.sampled_from(["P1", "P2", "P3", "A1", "A2", "M1"]),
    st.sampled_from([Kind.PROBLEM, Kind.ALLERGY, Kind.MEDICATION]),
    st.sampled_from(["Asthma", "Ovarian cyst", "None known", ""]) | st.text(max_size=20),
    status=st.sampled_from(["", "active", "resolved"]),
    polarity=st.sampled_from(Polarity),
)


@given(st.lists(FACTS, max_size=6, unique_by=lambda f: f.id), st.sampled_from(["male", None]))
def test_every_reason_names_facts_of_the_chart(
    terminology: Terminology, facts: list[Fact], sex: str | None
) -> None:
    chart = Chart(PatientFacts(40, sex), tuple(facts))
    for reason in assess_chart(chart, terminology).contradictions:
        assert reason.fact_ids
        assert set(reason.fact_ids) <= {f.id for f in facts}
        assert reason.result == "fail"
        assert reason.source
