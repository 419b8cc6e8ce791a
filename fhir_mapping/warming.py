"""Loads at start what the first chart would otherwise wait for."""

from __future__ import annotations

from datetime import UTC, datetime

from fhir_mapping.findings import findings_of
from fhir_mapping.mapping import map_chart

__all__ = ["warm"]


def warm() -> None:
    """Read the tables."""
    subject = {"reference": "Patient/p"}
    quantity = {"value": 1, "unit": "mg/dL"}
    loinc = {"coding": [{"system": "http://loinc.org", "code": "2160-0", "display": "Creatinine"}]}
    chart = map_chart(
        [
            {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1970-01-01"},
            {"resourceType": "Condition", "id": "c", "subject": subject, "code": loinc},
            {"resourceType": "Observation", "id": "o", "subject": subject, "code": loinc,
             "valueQuantity": quantity},
        ],
        patient_id="p",
        now=datetime.now(UTC),
    )  # fmt: skip
    findings_of(chart)
