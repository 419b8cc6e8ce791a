"""A drug that is called current and whose time is over is no current drug."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Fact, map_chart

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1964-06-15"}


def only(*resources: dict[str, Any], version: str = "R4") -> Fact:
    found = map_chart([PATIENT, *resources], patient_id="p1", now=NOW, fhir_version=version)
    (fact,) = found.facts
    return fact


def statement(**more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationStatement", "id": "s", "status": "active",
            "subject": {"reference": "Patient/p1"},
            "medicationCodeableConcept": {"text": "Warfarin"}, **more}  # fmt: skip


def order(*ends: str | None) -> dict[str, Any]:
    """An order with a dosage for each end; None: without one."""
    doses = [
        {
            "timing": {
                "repeat": {"boundsPeriod": {"start": "2024-01-01", **({"end": end} if end else {})}}
            }
        }
        for end in ends
    ]
    return {**statement(dosageInstruction=doses), "resourceType": "MedicationRequest",
            "intent": "order", "authoredOn": "2024-01-01"}  # fmt: skip


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("2021-01-01", "ended"),
        ("2024-06-14", "ended"),
        ("2024-06-15", "active"),
        ("2024-06-16", "active"),
        ("2024-05", "ended"),
        ("2024-06", "active"),
        ("2023", "ended"),
        ("2024", "active"),
        ("2024-06-15T11:00:00Z", "ended"),
        ("2024-06-15T13:00:00Z", "active"),
        ("nonsense", "active"),
        (None, "active"),
    ],
)
def test_a_statement_holds_for_its_time(end: str | None, status: str) -> None:
    fact = only(statement(effectivePeriod={"start": "2020-01-01", "end": end}))
    assert fact.status == status
    assert ("(ended)" in fact.text) is (status == "ended")


@pytest.mark.parametrize(
    ("status", "found"),
    [("on-hold", "on-hold"), ("stopped", "stopped"), ("completed", "completed"),
     ("intended", "intended"), ("unknown", "unknown")],
)  # fmt: skip
def test_another_status_stays(status: str, found: str) -> None:
    sent = statement(status=status, effectivePeriod={"start": "2020-01-01", "end": "2021-01-01"})
    assert only(sent).status == found


def test_a_recorded_statement_of_r5_with_a_past_time_has_ended() -> None:
    sent = {"resourceType": "MedicationStatement", "id": "s", "status": "recorded",
            "subject": {"reference": "Patient/p1"},
            "medication": {"concept": {"text": "Warfarin"}},
            "effectivePeriod": {"start": "2020-01-01", "end": "2021-01-01"}}  # fmt: skip
    assert only(sent, version="R5").status == "ended"
    stopped = {**sent, "adherence": {"code": {"coding": [{"code": "stopped"}]}}}
    fact = only(stopped, version="R5")
    assert (fact.status, fact.text) == ("stopped", "Warfarin (stopped)")


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (["2024-02-01"], "ended"),
        (["2024-02-01", "2024-03-01"], "ended"),
        (["2024-02-01", "2024-07-01"], "active"),
        (["2024-02-01", None], "active"),
        ([], "active"),
    ],
)
def test_an_order_has_ended_when_all_its_dosages_have(ends: list[str | None], status: str) -> None:
    assert only(order(*ends)).status == status


def test_a_newer_order_of_the_drug_is_current() -> None:
    past = statement(effectivePeriod={"start": "2020-01-01", "end": "2021-01-01"})
    assert only(past, order(None)).status == "active"
