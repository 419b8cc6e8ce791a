"""What R5's MedicationStatement.adherence makes of a drug that is "recorded"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Kind, Polarity, map_chart
from fhir_mapping.priority import must_keep

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def statement(adherence: str, reason: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"code": {"coding": [{"code": adherence}]}}
    if reason:
        said["reason"] = {"text": reason}
    return {
        "resourceType": "MedicationStatement",
        "id": "m1",
        "status": "recorded",
        "subject": {"reference": "Patient/p1"},
        "medication": {"concept": {"text": "Apixaban"}},
        "effectiveDateTime": "2026-11-01",
        "adherence": said,
    }


@pytest.mark.parametrize(
    ("adherence", "text", "status", "polarity", "current"),
    [
        ("taking", "Apixaban", "recorded", Polarity.PRESENT, True),
        ("taking-as-directed", "Apixaban", "recorded", Polarity.PRESENT, True),
        ("taking-not-as-directed", "Apixaban (taken not as directed)", "recorded",
         Polarity.PRESENT, True),
        ("unknown", "Apixaban (not known whether taken)", "recorded", Polarity.PRESENT, True),
        ("stopped", "Apixaban (stopped)", "stopped", Polarity.PRESENT, False),
        ("stopped-as-directed", "Apixaban (stopped)", "stopped", Polarity.PRESENT, False),
        ("stopped-not-as-directed", "Apixaban (stopped)", "stopped", Polarity.PRESENT, False),
        ("on-hold", "Apixaban (on hold)", "on-hold", Polarity.PRESENT, True),
        ("on-hold-as-directed", "Apixaban (on hold)", "on-hold", Polarity.PRESENT, True),
        ("not-taking", "Apixaban (not taken)", "not-taken", Polarity.ABSENT, False),
    ],
)  # fmt: skip
def test_adherence_says_whether_a_drug_is_taken(
    adherence: str, text: str, status: str, polarity: Polarity, current: bool
) -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    chart = map_chart([patient, statement(adherence)], patient_id="p1", now=NOW, fhir_version="R5")
    [fact] = chart.of(Kind.MEDICATION)
    assert (fact.text, fact.status, fact.polarity) == (text, status, polarity)
    assert must_keep(fact, chart) is current


def test_the_reason_is_told() -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    sent = [patient, statement("stopped", "GI bleeding")]
    [fact] = map_chart(sent, patient_id="p1", now=NOW, fhir_version="R5").facts
    assert fact.text == "Apixaban (stopped: GI bleeding)"
