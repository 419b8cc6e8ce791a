"""What changed between two charts of a patient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, Fact, Kind, map_chart
from fhir_mapping.chart import PatientFacts
from fhir_mapping.diff import ChartDiff, diff

Make = Callable[..., Any]


def _condition(resource: Make, identity: str, text: str, status: str = "active") -> dict[str, Any]:
    clinical = {"coding": [{"code": status}]}
    return resource("Condition", identity, code={"text": text}, clinicalStatus=clinical)


def test_new_changed_resolved_and_gone_are_told_apart(
    chart_of: Make, resource: Make, lab: Make, ago: Make
) -> None:
    before: Chart = chart_of(
        _condition(resource, "c1", "Pneumonia"),
        _condition(resource, "c2", "Asthma"),
        _condition(resource, "c3", "Gout"),
        lab("o1", "2160-0", "Creatinine", 0.9, "mg/dL", ago(2)),
        lab("o2", "2951-2", "Sodium", 140, "mmol/L", ago(2)),
    )
    now: Chart = chart_of(
        _condition(resource, "c1", "Pneumonia", "resolved"),
        _condition(resource, "c2", "Asthma"),
        _condition(resource, "c4", "Sepsis"),
        lab("o1", "2160-0", "Creatinine", 0.9, "mg/dL", ago(2)),
        lab("o3", "2160-0", "Creatinine", 1.8, "mg/dL", ago(1)),
        lab("o2", "2951-2", "Sodium", 140, "mmol/L", ago(2)),
    )
    found = diff(before, now)
    assert [fact.text for fact in found.new] == ["Sepsis"]
    assert [change.now.text for change in found.resolved] == ["Pneumonia (resolved)"]
    assert [(c.before.value, c.now.value) for c in found.changed] == [(0.9, 1.8)]
    assert [fact.text for fact in found.gone] == ["Gout"]
    assert not found.is_empty
    assert [word for word, _ in found.told] == ["new", "changed", "resolved", "gone"]


def test_a_refuted_problem_is_resolved(chart_of: Make, resource: Make) -> None:
    refuted = resource(
        "Condition",
        "c1",
        code={"text": "Embolism"},
        verificationStatus={"coding": [{"code": "refuted"}]},
    )
    found = diff(chart_of(_condition(resource, "c1", "Embolism")), chart_of(refuted))
    assert [change.now.text for change in found.resolved] == ["Embolism (refuted)"]


def test_time_going_by_is_no_change(patient: dict[str, Any], resource: Make, lab: Make) -> None:
    resources = [
        patient,
        _condition(resource, "c1", "Asthma"),
        lab("o1", "2160-0", "Creatinine", 0.9, "mg/dL"),
    ]
    then = datetime(2024, 6, 15, 12, tzinfo=UTC)
    before = map_chart(resources, patient_id="p1", now=then)
    now = map_chart(resources, patient_id="p1", now=then + timedelta(days=1))
    assert diff(before, now).is_empty


def _facts(*texts: str, kind: Kind = Kind.LAB, **more: Any) -> Chart:
    facts = (
        Fact(f"L{n}", kind, text, sources=(f"Observation/o{n}",), **more)
        for n, text in enumerate(texts, 1)
    )
    return Chart(PatientFacts(), tuple(facts))


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("Creatinine 0.9 -> 1.8 mg/dL over 3 days, rising", "Creatinine 1.8 mg/dL", True),
        ("Creatinine 0.9 -> 1.8 mg/dL", "Creatinine 1.2 -> 1.8 mg/dL over 2 days, rising", True),
        ("Creatinine 0.9 -> 1.8 mg/dL", "Creatinine 0.9 -> 1.9 mg/dL", False),
        ("Blood pressure 120/80 mmHg", "Blood pressure 120/110 mmHg", False),
        ("Last menstrual period: 5 days ago", "Last menstrual period: 6 days ago", True),
        ("FindingIndex [today]", "FindingIndex [2 days ago]", True),
    ],
)
def test_what_a_fact_says_is_apart_from_its_course_and_from_time(
    before: str, now: str, same: bool
) -> None:
    assert diff(_facts(before), _facts(now)).is_empty is same


def test_new_numbers_and_another_order_are_no_change() -> None:
    before = _facts("Sodium 140 mmol/L", "Potassium 4 mmol/L", "Potassium 4 mmol/L")
    facts = tuple(replace(fact, id=f"L9{n}") for n, fact in enumerate(reversed(before.facts)))
    assert diff(before, replace(before, facts=facts)).is_empty


def test_a_long_chart_is_compared_in_one_go() -> None:
    """Cost grows with the facts, not with their pairs: thousands of them do not stop a hook."""
    before = _facts(*(f"Test {n} {n} mg/dL" for n in range(4000)))
    now = _facts(*(f"Test {n} {n + 1} mg/dL" for n in range(4000)))
    assert len(diff(before, now).changed) == 4000


def test_thousands_of_facts_with_one_name_and_one_source_are_compared_in_one_go() -> None:
    source = ("DiagnosticReport/r",)
    before = [Fact(f"L{n}", Kind.LAB, f"Test: {n}", sources=source) for n in range(4000)]
    now = [replace(fact, text=f"{fact.text} x") for fact in before]
    found = diff(Chart(PatientFacts(), tuple(before)), Chart(PatientFacts(), tuple(now)))
    assert len(found.changed) == 4000
    assert not found.new
    assert not found.gone


CHART_PARTS = st.lists(
    st.tuples(
        st.sampled_from(["Gout", "Asthma", "Sepsis", "Anemia"]),
        st.sampled_from(["active", "resolved", "inactive"]),
    ),
    max_size=6,
)


@given(CHART_PARTS, CHART_PARTS)
def test_every_fact_is_accounted_for(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    before, now = _chart(first), _chart(second)
    found = diff(before, now)
    assert diff(before, before).is_empty
    matched = len(now.facts) - len(found.new)
    assert matched == len(before.facts) - len(found.gone)
    assert len(found.changed) + len(found.resolved) <= matched
    assert _backwards(diff(now, before)) == _forwards(found)


def test_every_small_pair_of_charts_reads_the_same_backwards() -> None:
    """All 66,564 pairs of charts with one to three problems: two names, three states each."""
    states = ("active", "resolved", "inactive")
    parts = list(itertools.product(("Gout", "Asthma"), states))
    lists = [list(p) for n in (1, 2, 3) for p in itertools.product(parts, repeat=n)]
    charts = [_chart(one) for one in lists]
    found = [[diff(before, now) for now in charts] for before in charts]
    wrong = [
        (lists[a], lists[b])
        for a, b in itertools.combinations_with_replacement(range(len(charts)), 2)
        if _forwards(found[a][b]) != _backwards(found[b][a])
    ]
    assert wrong == []


def _forwards(found: ChartDiff) -> tuple[object, ...]:
    pairs = {(c.before.id, c.now.id) for c in (*found.changed, *found.resolved)}
    return found.new, found.gone, pairs


def _backwards(found: ChartDiff) -> tuple[object, ...]:
    pairs = {(c.now.id, c.before.id) for c in (*found.changed, *found.resolved)}
    return found.gone, found.new, pairs


@pytest.mark.parametrize(
    ("before", "now", "pairs"),
    [
        # The resource that only one fact comes from tells which is which.
        (
            [("Gout", "active", "ab"), ("Gout", "resolved", "c")],
            [("Asthma", "active", "a"), ("Asthma", "resolved", "bc")],
            {("Gout active", "Asthma active"), ("Gout resolved", "Asthma resolved")},
        ),
        # In any order of the facts.
        (
            [("Gout", "resolved", "c"), ("Gout", "active", "ab")],
            [("Asthma", "resolved", "bc"), ("Asthma", "active", "a")],
            {("Gout active", "Asthma active"), ("Gout resolved", "Asthma resolved")},
        ),
        # A panel that all its results come from says less than each result's own resource.
        (
            [("Sodium", "1", "ap"), ("Potassium", "2", "bp")],
            [("Kalium", "2", "bp"), ("Natrium", "1", "ap")],
            {("Sodium 1", "Natrium 1"), ("Potassium 2", "Kalium 2")},
        ),
        # The same name goes before the same resource.
        (
            [("Gout", "active", "a"), ("Asthma", "active", "b")],
            [("Gout", "inactive", "b"), ("Asthma", "inactive", "a")],
            {("Gout active", "Gout inactive"), ("Asthma active", "Asthma inactive")},
        ),
    ],
)
def test_a_fact_is_compared_with_the_one_it_came_from(
    before: list[tuple[str, str, str]],
    now: list[tuple[str, str, str]],
    pairs: set[tuple[str, str]],
) -> None:
    found = diff(_problems(before), _problems(now))
    both = (*found.changed, *found.resolved)
    assert {(_named(c.before), _named(c.now)) for c in both} == pairs
    assert not found.new
    assert not found.gone


def _problems(rows: list[tuple[str, str, str]]) -> Chart:
    facts = (
        Fact(f"P{n}", Kind.PROBLEM, name, status=status, sources=tuple(sources))
        for n, (name, status, sources) in enumerate(rows, 1)
    )
    return Chart(PatientFacts(), tuple(facts))


def _named(fact: Fact) -> str:
    return f"{fact.text} {fact.status}"


def _chart(parts: list[tuple[str, str]]) -> Chart:
    resources = [
        {
            "resourceType": "Condition",
            "id": f"c{n}",
            "subject": {"reference": "Patient/p1"},
            "code": {"text": text},
            "clinicalStatus": {"coding": [{"code": status}]},
        }
        for n, (text, status) in enumerate(parts)
    ]
    return map_chart(resources, patient_id="p1", now=datetime(2024, 6, 15, 12, tzinfo=UTC))
