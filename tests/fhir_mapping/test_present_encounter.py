"""Which encounter is the present one, and what a visit was for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_mapping import Chart, Kind, map_chart

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1971-03-02"}


def encounter(name: str, days: float, status: str, of_class: str, **more: Any) -> dict[str, Any]:
    begun = (NOW - timedelta(days=days)).isoformat()
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": status,
        "class": {"code": of_class},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": begun},
        "reasonCode": [{"text": f"Reason of {name}"}],
        **more,
    }


def chart_of(*resources: dict[str, Any], encounter_id: str | None = None) -> Chart:
    return map_chart([PATIENT, *resources], patient_id="p1", now=NOW, encounter_id=encounter_id)


def complaints(chart: Chart) -> list[str]:
    return [fact.text for fact in chart.of(Kind.COMPLAINT)]


def test_a_finished_emergency_visit_of_today_is_present_and_one_left_open_since_2009_is_not() -> (
    None
):
    chart = chart_of(
        encounter("old", 6420, "in-progress", "AMB"), encounter("new", 0.3, "finished", "EMER")
    )
    assert complaints(chart) == ["Reason of new"]
    texts = [fact.text for fact in chart.of(Kind.ENCOUNTER)]
    assert "Ambulatory visit, for Reason of old" in texts
    assert "Present encounter: Emergency visit, for Reason of new" in texts


@pytest.mark.parametrize(
    ("days", "status", "of_class", "present"),
    [
        # An inpatient stay: 180 days.
        (179.9, "in-progress", "IMP", True),
        (180.0, "in-progress", "IMP", True),
        (180.1, "in-progress", "IMP", False),
        # An open visit of another class: 7 days.
        (6.9, "in-progress", "AMB", True),
        (7.0, "in-progress", "AMB", True),
        (7.1, "in-progress", "AMB", False),
        (7.1, "in-progress", "EMER", False),
        # One that is over: 2 days.
        (1.9, "finished", "EMER", True),
        (2.0, "finished", "EMER", True),
        (2.1, "finished", "EMER", False),
        (2.1, "finished", "IMP", False),
        # One of the future is not here yet.
        (-0.1, "in-progress", "AMB", False),
    ],
)
def test_how_long_ago_the_present_encounter_may_have_begun(
    days: float, status: str, of_class: str, present: bool
) -> None:
    chart = chart_of(encounter("e", days, status, of_class))
    assert bool(complaints(chart)) is present


def test_an_open_stay_goes_before_a_visit_of_today() -> None:
    chart = chart_of(
        encounter("stay", 12, "in-progress", "IMP"), encounter("scan", 0.2, "finished", "AMB")
    )
    assert complaints(chart) == ["Reason of stay"]


def test_the_visit_of_today_goes_before_a_visit_left_open_some_days_ago() -> None:
    chart = chart_of(
        encounter("open", 5, "in-progress", "AMB"), encounter("new", 0.2, "finished", "EMER")
    )
    assert complaints(chart) == ["Reason of new"]


def test_the_encounter_that_the_caller_names_is_the_present_one_however_old() -> None:
    chart = chart_of(
        encounter("old", 6420, "in-progress", "AMB"),
        encounter("new", 0.3, "finished", "EMER"),
        encounter_id="old",
    )
    assert complaints(chart) == ["Reason of old"]


def test_a_visit_tells_its_diagnoses_coded_referenced_or_only_named() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "Sarcoidosis"},
    }
    refuted = {**condition, "id": "c2", "code": {"text": "Tuberculosis"},
               "verificationStatus": {"coding": [{"code": "refuted"}]}}  # fmt: skip
    visit = encounter("e", 40, "finished", "AMB", diagnosis=[
        {"condition": {"reference": "Condition/c1"}},
        {"condition": {"reference": "Condition/c2"}},
        {"condition": {"display": "Uveitis"}},
        {"condition": {"display": "Reason of e"}},
    ])  # fmt: skip
    texts = [f.text for f in chart_of(condition, refuted, visit).of(Kind.ENCOUNTER)]
    assert texts == ["Ambulatory visit, for Reason of e; diagnosis: Sarcoidosis; Uveitis"]


def test_a_visit_of_r5_tells_its_reasons_and_diagnoses() -> None:
    visit = encounter("e", 40, "completed", "AMB")
    del visit["reasonCode"], visit["period"]
    visit |= {
        "class": [{"coding": [{"code": "AMB"}]}],
        "actualPeriod": {"start": "2026-10-19T12:00:00Z"},
        "reason": [{"value": [{"concept": {"text": "Cough"}}]}],
        "diagnosis": [{"condition": [{"concept": {"text": "Sarcoidosis"}}]}],
    }
    chart = map_chart([PATIENT, visit], patient_id="p1", now=NOW, fhir_version="R5")
    texts = [fact.text for fact in chart.of(Kind.ENCOUNTER)]
    assert texts == ["Ambulatory visit, for Cough; diagnosis: Sarcoidosis"]
