"""What changed between two charts of a patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, Fact, Kind, map_chart
from fhir_mapping.chart import PatientFacts
from fhir_mapping.diff import diff

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
        ("Seen [today]", "Seen [2 days ago]", True),
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
    mirrored = diff(now, before)
    assert len(mirrored.new) == len(found.gone)
    assert len(mirrored.gone) == len(found.new)


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
