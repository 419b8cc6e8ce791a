"""A hook request full of identifiers, and an upstream that a test scripts."""

from __future__ import annotations

from typing import Any

import pytest

SECRETS = (
    "Mustermann", "Annegret", "Wilhelmstrasse", "10117", "+49 30 1234567", "annegret@example.org",
    "MRN-4711-0815", "756.1234.5678.97", "s3cret-t0ken", "Praxis Doktor Schmidt",
    "wife Helga found her", "1951-03-17", "2026-11-20", "pat-4711-real", "hospital.example",
    "Practitioner/dr-schmidt-99",
)  # fmt: skip


@pytest.fixture
def identified() -> dict[str, Any]:
    """A request as an EHR sends it, with everything in it that must not be in a file."""
    subject = {"reference": "Patient/pat-4711-real", "display": "Annegret Mustermann"}
    patient = {
        "resourceType": "Patient",
        "id": "pat-4711-real",
        "identifier": [{"system": "urn:mrn", "value": "MRN-4711-0815"},
                       {"system": "urn:oid:2.16.756.5.32", "value": "756.1234.5678.97"}],
        "name": [{"family": "Mustermann", "given": ["Annegret"]}],
        "telecom": [{"system": "phone", "value": "+49 30 1234567"},
                    {"system": "email", "value": "annegret@example.org"}],
        "address": [{"line": ["Wilhelmstrasse 5"], "postalCode": "10117"}],
        "birthDate": "1951-03-17",
        "gender": "female",
        "text": {"status": "generated", "div": "<div>Annegret Mustermann</div>"},
    }  # fmt: skip
    condition = {
        "resourceType": "Condition",
        "id": "cond-1",
        "subject": subject,
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10",
                             "display": "Essential (primary) hypertension"}]},
        "note": [{"text": "Her wife Helga found her on the floor"}],
        "onsetDateTime": "2026-11-20",
    }  # fmt: skip
    lab = {
        "resourceType": "Observation",
        "id": "obs-1",
        "status": "final",
        "subject": subject,
        "performer": [{"display": "Praxis Doktor Schmidt"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3",
                             "display": "Potassium [Moles/volume] in Serum or Plasma"}]},
        "effectiveDateTime": "2026-11-20T08:00:00Z",
        "valueQuantity": {"value": 6.9, "unit": "mmol/L",
                          "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }  # fmt: skip
    return {
        "hook": "patient-view",
        "hookInstance": "11111111-1111-4111-8111-111111111111",
        "fhirServer": "https://hospital.example/fhir",
        "fhirAuthorization": {"access_token": "s3cret-t0ken", "token_type": "Bearer",
                              "expires_in": 300, "scope": "x", "subject": "x"},
        "context": {"userId": "Practitioner/dr-schmidt-99", "patientId": "pat-4711-real"},
        "prefetch": {
            "patient": patient,
            "conditions": {"resourceType": "Bundle", "type": "searchset",
                           "entry": [{"resource": condition}]},
            "labs": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": lab}]},
        },
    }  # fmt: skip


@pytest.fixture
def cards() -> dict[str, Any]:
    """An answer that repeats the chart, as a careless service would."""
    link = "https://cds.example/consultations/11111111-1111-4111-8111-111111111111.99." + "a" * 64
    return {"cards": [{
        "uuid": "22222222-2222-4222-8222-222222222222",
        "summary": "Annegret Mustermann has hypertension",
        "detail": "since 2026-11-20, says her wife Helga found her",
        "indicator": "warning",
        "source": {"label": "Praxis Doktor Schmidt",
                   "topic": {"code": "chartsideDifferential", "system": "urn:t"}},
        "links": [{"label": "This", "url": link, "type": "absolute"}],
        "suggestions": [{"label": "Add to Mustermann", "uuid": "x"}],
    }]}  # fmt: skip


def secrets_in(text: str) -> list[str]:
    """Which of the secrets a text holds."""
    return [each for each in SECRETS if each.casefold() in text.casefold()]
