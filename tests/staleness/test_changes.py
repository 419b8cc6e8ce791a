"""Which changes make an answer stale: the table, both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.staleness import changes
from cds_hooks.staleness.changes import table
from fhir_mapping.chart import (
    Certainty,
    Chart,
    Experiencer,
    Fact,
    Flag,
    Kind,
    PatientFacts,
    Polarity,
)

WHO = PatientFacts(age_years=67.3, recorded_sex="female")


def fact(kind: Kind = Kind.LAB, text: str = "Potassium 4.1 mmol/L", **more: Any) -> Fact:
    given = {"id": "X1", "days_ago": 1.0, "sources": ("Observation/o1",), **more}
    return Fact(kind=kind, text=text, **given)


BASE = (
    fact(text="Creatinine 1.8 mg/dL", flag=Flag.HIGH),
    fact(Kind.PROBLEM, "Hypertension", status="active", sources=("Condition/c1",)),
)


def chart(*facts: Fact, who: PatientFacts = WHO) -> Chart:
    return Chart(who, (*BASE, *facts))


MATTERS = [
    fact(flag=Flag.HIGH),
    fact(flag=Flag.CRITICAL_LOW, days_ago=4000.0),
    fact(flag=Flag.NORMAL),
    fact(flag=Flag.NORMAL, days_ago=None),
    fact(),
    fact(Kind.VITAL, "Heart rate 128 /min", flag=Flag.HIGH),
    fact(Kind.PROBLEM, "Atrial fibrillation", status="active"),
    fact(Kind.PROBLEM, "Asthma", status="resolved", days_ago=9000.0),
    fact(Kind.MEDICATION, "apixaban 5 mg", status="active"),
    fact(Kind.ALLERGY, "Penicillin: rash"),
    fact(Kind.COMPLAINT, "Chest pain", status="in-progress"),
    fact(Kind.NOTE, "worse on lying flat"),
    fact(Kind.REPORT, "Chest X-ray: infiltrate"),
    fact(Kind.PROCEDURE, "Appendectomy", days_ago=9000.0),
    fact(Kind.FAMILY, "Father: myocardial infarction"),
    fact(Kind.SOCIAL, "Smoker"),
    fact(Kind.DEVICE, "Pacemaker"),
    fact(Kind.IMMUNIZATION, "Influenza vaccine", days_ago=20.0),
    fact(Kind.IMMUNIZATION, "Influenza vaccine", days_ago=None),
    fact(Kind.ENCOUNTER, "Present encounter: emergency", status="in-progress"),
    fact(Kind.ENCOUNTER, "ambulatory", status="finished", days_ago=10.0),
    fact(Kind.CARE, "Alert: fall risk", sources=("Flag/f1",)),
    fact(Kind.CARE, "Ordered: CT of the chest", sources=("ServiceRequest/s1",)),
]

PASSES = [
    ("normal-result-of-long-ago", fact(flag=Flag.NORMAL, days_ago=900.0)),
    ("normal-result-of-long-ago", fact(Kind.VITAL, "SpO2 98%", flag=Flag.NORMAL, days_ago=400.0)),
    ("dose-of-long-ago", fact(Kind.IMMUNIZATION, "Tetanus vaccine", days_ago=2000.0)),
    ("planned-visit", fact(Kind.ENCOUNTER, "Planned: ambulatory", status="planned", days_ago=-1.0)),
    ("visit-of-long-ago", fact(Kind.ENCOUNTER, "ambulatory", status="finished", days_ago=700.0)),
    ("plan-of-care", fact(Kind.CARE, "Goal: weight", sources=("Goal/g1",), days_ago=None)),
]


@pytest.mark.parametrize("one", MATTERS, ids=lambda f: f"{f.kind}-{f.text[:18]}")
def test_what_bears_on_a_differential_makes_an_answer_stale_coming_and_going(one: Fact) -> None:
    assert changes(chart(), chart(one)).new == (one,)
    assert changes(chart(one), chart()).gone == (one,)
    assert changes(chart(), chart(one)).matter
    assert changes(chart(one), chart()).matter


@pytest.mark.parametrize(("row", "one"), PASSES)
def test_what_the_table_names_comes_and_goes(row: str, one: Fact) -> None:
    for found in (changes(chart(), chart(one)), changes(chart(one), chart())):
        assert not found.matter
        assert found.aside == ((row, 1),)


def test_every_row_has_a_case_here_and_a_reason() -> None:
    assert {row for row, _ in PASSES} == {row.id for row in table().aside}
    assert all(row.reason for row in (*table().aside, *table().same))


def test_a_visit_that_goes_on_is_the_same_visit() -> None:
    def visit(status: str) -> Chart:
        return chart(
            fact(Kind.ENCOUNTER, "Present encounter: emergency", status=status),
            fact(Kind.COMPLAINT, "Chest pain", status=status),
        )

    assert not changes(visit("arrived"), visit("in-progress")).matter
    assert changes(visit("in-progress"), visit("finished")).matter


@pytest.mark.parametrize(
    "change",
    [
        {"flag": Flag.NORMAL},
        {"text": "Creatinine 1.8 -> 2.4 mg/dL over 1 day, rising"},
        {"polarity": Polarity.REFUTED},
        {"certainty": Certainty.UNCERTAIN},
        {"experiencer": Experiencer.FAMILY},
        {"status": "amended"},
    ],
)
def test_a_fact_that_changed_is_gone_and_new(change: dict[str, Any]) -> None:
    other = Chart(WHO, (replace(BASE[0], **change), BASE[1]))
    found = changes(chart(), other)
    assert (len(found.new), len(found.gone)) == (1, 1)


def test_a_course_of_which_less_is_told_says_the_same() -> None:
    before = chart(fact(text="Lactate 2.1 -> 4.1 mmol/L over 2 days, rising", flag=Flag.HIGH))
    now = chart(fact(text="Lactate 4.1 mmol/L", flag=Flag.HIGH))
    assert not changes(before, now).matter


@pytest.mark.parametrize(
    ("change", "matter"),
    [
        ({"age_years": 67.9}, False),
        ({"age_years": 68.0}, True),
        ({"recorded_sex": None}, True),
        ({"deceased": True}, True),
    ],
)
def test_who_it_is_about(change: dict[str, Any], matter: bool) -> None:
    assert changes(chart(), chart(who=replace(WHO, **change))).matter is matter


def test_an_infant_ages_by_the_week() -> None:
    young, older = replace(WHO, age_years=0.1), replace(WHO, age_years=0.15)
    assert changes(chart(who=young), chart(who=older)).matter


facts = st.builds(
    fact,
    st.sampled_from(Kind),
    st.sampled_from(["a", "b"]),
    flag=st.none() | st.sampled_from(Flag),
    days_ago=st.none() | st.sampled_from([-1.0, 1.0, 900.0]),
    status=st.sampled_from(["", "planned", "arrived", "in-progress", "finished"]),
)
charts = st.lists(facts, max_size=6).map(lambda found: Chart(WHO, tuple(found)))


@given(charts, charts, st.randoms())
def test_properties(before: Chart, now: Chart, random: Any) -> None:
    assert changes(before, before) == changes(now, now)
    assert not changes(before, before).matter
    shuffled = list(now.facts)
    random.shuffle(shuffled)
    later = tuple(
        replace(f, id=f"Z{n}", sources=(*f.sources, "Observation/more"))
        for n, f in enumerate(shuffled)
    )
    assert not changes(now, replace(now, facts=later)).matter
    there, back = changes(before, now), changes(now, before)
    assert (there.new, there.gone, there.aside) == (back.gone, back.new, back.aside)
    counted = len(there.new) - len(there.gone)
    assert there.aside or counted == len(now.facts) - len(before.facts)
