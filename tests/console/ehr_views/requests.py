"""Requests as clients send them, and the templates of a service."""

from __future__ import annotations

from typing import Any

TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "problems": "Condition?patient={{context.patientId}}",
    "laboratory": "Observation?patient={{context.patientId}}&category=laboratory",
    "user": "{{context.userId}}",
}

PATIENT = {"resourceType": "Patient", "id": "p1"}


def bundle(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


FINE: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "fhirServer": "https://ehr.example/fhir",
    "fhirAuthorization": {
        "access_token": "secret", "token_type": "Bearer", "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "cds",
    },
    "context": {"userId": "Practitioner/1", "patientId": "p1", "encounterId": "e1"},
    "prefetch": {
        "patient": PATIENT,
        "problems": bundle({"resourceType": "Condition", "id": "c1",
                            "subject": {"reference": "Patient/p1"}}),
        "laboratory": None,
        "user": {"resourceType": "Practitioner", "id": "1"},
    },
    "extension": {"org.example": {"a": 1}},
}  # fmt: skip
"""All as the specification has it."""

EPIC: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "fhirServer": "https://ehr.example/fhir",
    "fhirAuthorization": {
        "access_token": "secret", "token_type": "bearer", "expires_in": "300",
        "scope": "Observation.Read (Labs) (R4)", "subject": "cds",
    },
    "context": {"userId": "PractitionerRole/1", "patientId": "Patient/p1"},
    "prefetch": {
        "patient": PATIENT,
        "-user": {"resourceType": "Practitioner", "id": "1"},
        "problems": bundle(
            {"resourceType": "Condition",
             "subject": {"reference": "https://ehr.example/fhir/Patient/p1"}},
            {"resourceType": "OperationOutcome", "issue": []},
            link=[{"relation": "next", "url": "https://ehr.example/fhir?page=2"}],
        ),
        "laboratory": "<html>",
    },
    "extension": {"com.epic.cdshooks.request.bpa-trigger-action": "23"},
}  # fmt: skip
"""As Epic's examples are, and a little more."""
