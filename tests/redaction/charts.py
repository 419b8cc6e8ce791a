"""Charts to redact: the golden resources, and one that is full of identifiers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "fhir_mapping" / "golden"

IDENTIFIERS = (
    "Zebulon", "Quartermaine", "Zeb", "Ophelia", "Featherstonehaugh", "555-867-5309",
    "8675309",
    "zeb.q@mail.example", "12 Rosebery Crescent", "Rosebery", "Wolverhampton", "WV1 1AA",
    "MRN-0099887766", "0099887766", "123-45-6789", "1951-07-14", "14 July 1951",
    "pat-77a1", "obs-81f",
    "enc-3c9", "prac-5d2", "St Elsewhere", "ehr.st-elsewhere.example", "secret-token-abc",
    "Quinceañera", "LOT-4471",
)  # fmt: skip
"""What must not be left of the chart below, in any case of letters."""

_WHO = {"reference": "Patient/pat-77a1", "display": "Quartermaine, Zebulon"}
_DOCTOR = {"reference": "https://ehr.st-elsewhere.example/r4/Practitioner/prac-5d2",
           "display": "Ophelia Featherstonehaugh"}  # fmt: skip
_NARRATIVE = {"status": "generated", "div": "<div>Zebulon Quartermaine, born 14 July 1951</div>"}

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "pat-77a1",
    "text": _NARRATIVE,
    "identifier": [
        {
            "system": "urn:oid:1.2.3",
            "value": "MRN-0099887766",
            "assigner": {"display": "St Elsewhere"},
        },
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"},
    ],
    "name": [
        {"family": "Quartermaine", "given": ["Zebulon", "Zeb"], "text": "Zebulon Quartermaine"}
    ],
    "telecom": [
        {"system": "phone", "value": "555-867-5309"},
        {"system": "email", "value": "zeb.q@mail.example"},
    ],
    "address": [
        {"line": ["12 Rosebery Crescent"], "city": "Wolverhampton", "postalCode": "WV1 1AA"}
    ],
    "gender": "male",
    "birthDate": "1951-07-14",
    "photo": [{"contentType": "image/png", "data": "WmVidWxvbg=="}],
    "contact": [{"name": {"family": "Featherstonehaugh"}, "telecom": [{"value": "8675309"}]}],
    "generalPractitioner": [_DOCTOR],
    "extension": [{"url": "http://ehr.st-elsewhere.example/nickname", "valueString": "Zeb"}],
}

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "obs-81f",
    "meta": {"versionId": "9", "lastUpdated": "2026-11-28T08:00:00Z",
             "source": "https://ehr.st-elsewhere.example"},
    "status": "final",
    "text": _NARRATIVE,
    "identifier": [{"value": "0099887766"}],
    "code": {
        "coding": [
            {"system": "http://loinc.org", "code": "2160-0", "display": "Creatinine"},
            {"system": "https://ehr.st-elsewhere.example/labs", "code": "MRN-0099887766",
             "display": "Creatinine of Zebulon"},
        ],
        "text": "Creatinine (Zebulon Quartermaine)",
    },
    "subject": _WHO,
    "encounter": {"reference": "Encounter/enc-3c9"},
    "performer": [_DOCTOR, {"display": "St Elsewhere"}],
    "effectiveDateTime": "2026-11-28T09:30:00+01:00",
    "issued": "2026-11-28T08:45:00Z",
    "valueQuantity": {"value": 1.8, "unit": "mg/dL", "system": "http://unitsofmeasure.org",
                      "code": "mg/dL"},
    "note": [{"text": "Called Zebulon at 555-867-5309",
              "authorString": "Ophelia Featherstonehaugh"}],
}  # fmt: skip

CONDITION: dict[str, Any] = {
    "resourceType": "Condition",
    "id": "cond-1",
    "clinicalStatus": {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
        ]
    },
    "code": {
        "coding": [{"system": "http://snomed.info/sct", "code": "38341003",
                    "display": "Hypertensive disorder"}],
        "text": "HTN since 14 July 1951, seen by Dr. Featherstonehaugh",
    },
    "subject": {"reference": "urn:uuid:pat-77a1"},
    "onsetString": "at the Quinceañera",
    "recordedDate": "2019-05-17",
    "recorder": _DOCTOR,
}  # fmt: skip

NOTE: dict[str, Any] = {
    "resourceType": "DocumentReference",
    "id": "doc-1",
    "status": "current",
    "subject": _WHO,
    "description": "Letter to Ophelia Featherstonehaugh",
    "content": [{"attachment": {"contentType": "text/plain", "title": "Zebulon.txt",
                                "data": "WmVidWxvbiBRdWFydGVybWFpbmU="}}],
}  # fmt: skip

REQUEST: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "pat-77a1",
    "fhirServer": "https://ehr.st-elsewhere.example/r4",
    "fhirAuthorization": {"access_token": "secret-token-abc", "subject": "St Elsewhere",
                          "patient": "pat-77a1"},
    "context": {"userId": "Practitioner/prac-5d2", "patientId": "pat-77a1",
                "encounterId": "enc-3c9",
                "nickname": "Zeb"},
    "extension": {"com.epic.cdshooks.request.bpa-trigger-action": "23",
                  "com.epic.cdshooks.request.fhir-version": "R4", "department": "St Elsewhere"},
    "prefetch": {
        "patient": PATIENT,
        "laboratory": {
            "resourceType": "Bundle",
            "id": "MRN-0099887766",
            "type": "searchset",
            "total": 1,
            "link": [{"relation": "next",
                      "url": "https://ehr.st-elsewhere.example/r4?_page=2&patient=pat-77a1"}],
            "entry": [{"fullUrl": "https://ehr.st-elsewhere.example/r4/Observation/obs-81f",
                       "resource": OBSERVATION, "search": {"mode": "match"}}],
        },
        "problems": {"resourceType": "Bundle", "type": "searchset",
                     "entry": [{"resource": CONDITION}]},
        "documents": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": NOTE}]},
        "immunizations": {
            "resourceType": "Bundle", "type": "searchset",
            "entry": [{"resource": {"resourceType": "Immunization", "id": "obs-81f",
                                    "status": "completed", "lotNumber": "LOT-4471",
                                    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx",
                                                                "code": "207"}]},
                                    "patient": _WHO, "occurrenceDateTime": "2021-04-03"}}],
        },
        "user": {"resourceType": "Practitioner", "id": "prac-5d2",
                 "name": [{"family": "Featherstonehaugh", "given": ["Ophelia"]}]},
        "allergies": None,
        "medications": {"resourceType": "OperationOutcome", "issue": [
            {"severity": "error", "code": "forbidden", "diagnostics": "no access to Zebulon"}]},
        "Zebulon Quartermaine": "123-45-6789",
    },
    "Quartermaine": {"Zebulon": 1},
}  # fmt: skip


def golden() -> Iterator[dict[str, Any]]:
    """Every golden resource, of every version of FHIR."""
    for file in sorted(GOLDEN.glob("*/input/resources.json")):
        yield from json.loads(file.read_bytes())


def planted(document: Any, sentinel: str) -> Iterator[tuple[str, Any]]:
    """The document with the sentinel in the place of each text, one at a time, with its path."""
    for path in list(_paths(document, ())):
        changed = copy.deepcopy(document)
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = sentinel
        yield ".".join(map(str, path)), changed


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _paths(inner, (*path, place))
