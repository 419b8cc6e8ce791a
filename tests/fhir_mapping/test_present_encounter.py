"""Which encounter is the present one, and what a visit was for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_mapping import Chart, Kind, Polarity, map_chart

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


def until(days: float, ended: float) -> dict[str, Any]:
    moments = {"start": NOW - timedelta(days=days), "end": NOW - timedelta(days=ended)}
    return {"period": {name: moment.isoformat() for name, moment in moments.items()}}


@pytest.mark.parametrize("status", ["in-progress", "finished"])
def test_the_emergency_visit_of_today_is_present_beside_an_open_stay(status: str) -> None:
    chart = chart_of(
        encounter("stay", 5, "in-progress", "IMP"), encounter("visit", 0.3, status, "EMER")
    )
    assert complaints(chart) == ["Reason of stay", "Reason of visit"]


def test_the_emergency_visit_of_the_day_before_yesterday_is_past_beside_an_open_stay() -> None:
    chart = chart_of(
        encounter("stay", 1.1, "in-progress", "IMP"), encounter("visit", 2.2, "finished", "EMER")
    )
    assert complaints(chart) == ["Reason of stay"]


def test_a_cancelled_visit_of_today_is_not_present() -> None:
    chart = chart_of(
        encounter("stay", 5, "in-progress", "IMP"), encounter("visit", 0.3, "cancelled", "EMER")
    )
    assert complaints(chart) == ["Reason of stay"]


@pytest.mark.parametrize(("ended", "present"), [(0.1, True), (2.0, True), (2.1, False)])
def test_a_long_stay_is_present_by_its_end(ended: float, present: bool) -> None:
    chart = chart_of(encounter("stay", 20, "finished", "IMP", **until(20, ended)))
    assert bool(complaints(chart)) is present


def test_an_encounter_whose_end_has_passed_is_not_open() -> None:
    chart = chart_of(encounter("stay", 10, "in-progress", "IMP", **until(10, 9)))
    assert complaints(chart) == []


def test_all_that_the_present_encounter_is_part_of_is_present() -> None:
    chart = chart_of(
        encounter("case", 9, "in-progress", "IMP"),
        encounter("ward", 5, "in-progress", "IMP", partOf={"reference": "Encounter/case"}),
        encounter("unit", 0.5, "in-progress", "IMP", partOf={"reference": "Encounter/ward"}),
    )
    assert complaints(chart) == ["Reason of case", "Reason of ward", "Reason of unit"]


def test_encounters_that_are_part_of_each_other_end() -> None:
    chart = chart_of(
        encounter("one", 1, "in-progress", "IMP", partOf={"reference": "Encounter/two"}),
        encounter("two", 2, "in-progress", "IMP", partOf={"reference": "Encounter/one"}),
    )
    assert complaints(chart) == ["Reason of two", "Reason of one"]


@pytest.mark.parametrize(
    "named", ["old", "Encounter/old", "https://a.example/fhir/Encounter/old/_history/2"]
)
def test_the_encounter_that_the_caller_names_by_id_reference_or_address(named: str) -> None:
    chart = chart_of(
        encounter("new", 0.2, "in-progress", "EMER"), encounter("old", 40, "finished", "AMB"),
        encounter_id=named,
    )  # fmt: skip
    assert complaints(chart) == ["Reason of old"]


def test_a_contained_condition_is_the_reason() -> None:
    held = {"resourceType": "Condition", "id": "c", "code": {"text": "Chest pain"}}
    told = encounter("new", 0.2, "in-progress", "EMER", contained=[held], reasonCode=[],
                     reasonReference=[{"reference": "#c"}])  # fmt: skip
    assert complaints(chart_of(told)) == ["Chest pain"]


def test_a_refuted_diagnosis_of_a_visit_is_denied() -> None:
    category = [{"coding": [{"code": "encounter-diagnosis"}]}]
    told = {}
    for status in ("refuted", "confirmed"):
        fever = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"},
                 "code": {"text": "Fever"}, "category": category,
                 "verificationStatus": {"coding": [{"code": status}]}}  # fmt: skip
        diagnosis = [{"condition": {"reference": "Condition/c1"}}]
        visit = encounter("v", 0.1, "in-progress", "EMER", diagnosis=diagnosis)
        told[status] = {f.text: f.polarity for f in chart_of(fever, visit).facts}
    assert told["refuted"]["Fever (refuted)"] is Polarity.REFUTED
    assert all("Fever" not in t for t, p in told["refuted"].items() if p is Polarity.PRESENT)
    assert told["confirmed"]["Fever (diagnosis of a visit)"] is Polarity.PRESENT
