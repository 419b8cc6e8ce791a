"""One R4 patient with a resource of each kind that US Core has a profile for, and some more: as
one collection, and as a bulk export (a file of NDJSON a kind)."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator

import orjson

from tests.sample.resources import (
    CATEGORY,
    HL7,
    LOINC,
    RXNORM,
    SNOMED,
    Resource,
    code,
    coded,
    condition,
    lab,
    medication,
    note,
    patient,
    quantity,
    stay,
    vital,
)  # fmt: skip

__all__ = ["collection", "export"]

_DAY = "2024-05-20T09:00:00Z"


def collection(name: str = "profiled") -> Resource:
    """A collection without requests or full URLs."""
    entry = [{"resource": r} for r in (*_clinical(name), *_series(name))]
    return {"resourceType": "Bundle", "type": "collection", "entry": entry}


def export(name: str = "exported") -> dict[str, bytes]:
    """Lines by kind of resource: `Condition` -> NDJSON."""
    lines: dict[str, list[bytes]] = defaultdict(list)
    for resource in (*_clinical(name), *_series(name)):
        lines[resource["resourceType"]].append(orjson.dumps(resource))
    return {kind: b"\n".join(found) + b"\n" for kind, found in lines.items()}


def _clinical(name: str) -> Iterator[Resource]:
    owner = f"Patient/{name}"
    yield patient(name, "female", "1987-02-20", "Profilesworth", "Lioba")
    yield stay(owner, f"{name}-visit", "AMB", "in-progress", {"text": "Tired for a month"},
               start=_DAY)  # fmt: skip
    yield condition(owner, f"{name}-problem", code(SNOMED, "40930008", "Hypothyroidism"), "2019-04")
    yield medication(owner, f"{name}-order", code(RXNORM, "966224", "levothyroxine 50 mcg tablet"),
                     "2024-01-10", "1 tablet before breakfast")  # fmt: skip
    yield lab(owner, f"{name}-tsh", code(LOINC, "3016-3", "Thyrotropin [Units/volume] in Serum"),
              quantity(9.8, "m[IU]/L"), _DAY, (0.4, 4.0), "H")  # fmt: skip
    yield vital(owner, f"{name}-rate", code(LOINC, "8867-4", "Heart rate"),
                quantity(58, "/min"), _DAY)  # fmt: skip
    yield _pressure(owner, f"{name}-pressure")
    text = b64encode(b"She feels cold and has gained weight.").decode()
    yield note(owner, f"{name}-note", "Progress note", text, _DAY)
    yield _family(owner, f"{name}-mother")
    yield {
        "resourceType": "AllergyIntolerance", "id": f"{name}-allergy", "criticality": "high",
        "clinicalStatus": coded(f"{HL7}/allergyintolerance-clinical", "active"),
        "verificationStatus": coded(f"{HL7}/allergyintolerance-verification", "confirmed"),
        "code": code(SNOMED, "387406002", "Sulfonamide"), "patient": {"reference": owner},
        "reaction": [{"manifestation": [code(SNOMED, "271807003", "Eruption of skin")]}],
    }  # fmt: skip
    yield {
        "resourceType": "Procedure", "id": f"{name}-procedure", "status": "completed",
        "code": code(SNOMED, "80146002", "Appendectomy"), "subject": {"reference": owner},
        "performedDateTime": "2003-11-02",
    }  # fmt: skip
    yield {
        "resourceType": "DiagnosticReport", "id": f"{name}-report", "status": "final",
        "category": [coded(f"{HL7}/v2-0074", "RAD")], "subject": {"reference": owner},
        "code": code(LOINC, "36643-5", "XR Chest 2 Views"), "effectiveDateTime": _DAY,
        "conclusion": "No infiltrate, no effusion.",
    }  # fmt: skip
    yield {
        "resourceType": "Immunization", "id": f"{name}-vaccine", "status": "completed",
        "vaccineCode": code("http://hl7.org/fhir/sid/cvx", "140", "Influenza, seasonal"),
        "patient": {"reference": owner}, "occurrenceDateTime": "2023-10-02",
    }  # fmt: skip


def _series(name: str) -> Iterator[Resource]:
    """What tells of a patient nothing that a diagnosis needs."""
    owner = {"reference": f"Patient/{name}"}
    yield {
        "resourceType": "Organization",
        "id": f"{name}-org",
        "active": True,
        "name": "Sample Ward",
    }
    yield {"resourceType": "Practitioner", "id": f"{name}-dr", "name": [{"family": "Physicianson"}]}
    yield {"resourceType": "Location", "id": f"{name}-place", "name": "Sample Bay 3"}
    yield {"resourceType": "Coverage", "id": f"{name}-cover", "status": "active",
           "beneficiary": owner, "payor": [{"display": "none"}]}  # fmt: skip
    yield {"resourceType": "CareTeam", "id": f"{name}-team", "status": "active", "subject": owner}
    yield {"resourceType": "Goal", "id": f"{name}-goal", "lifecycleStatus": "active",
           "description": {"text": "TSH below 4"}, "subject": owner}  # fmt: skip
    yield {"resourceType": "Specimen", "id": f"{name}-blood", "subject": owner,
           "type": code(SNOMED, "119297000", "Blood specimen")}  # fmt: skip
    yield {"resourceType": "Device", "id": f"{name}-pump", "patient": owner,
           "type": code(SNOMED, "14106009", "Cardiac pacemaker")}  # fmt: skip
    yield {"resourceType": "ServiceRequest", "id": f"{name}-wish", "status": "active",
           "intent": "order", "subject": owner,
           "code": code(LOINC, "3024-7", "Free T4")}  # fmt: skip
    yield {"resourceType": "Provenance", "id": f"{name}-source", "recorded": _DAY,
           "target": [owner], "agent": [{"who": {"display": "Sample Ward"}}]}  # fmt: skip


def _pressure(owner: str, name: str) -> Resource:
    both = (
        (("8480-6", "Systolic blood pressure"), 148),
        (("8462-4", "Diastolic blood pressure"), 94),
    )
    return {
        "resourceType": "Observation", "id": name, "status": "final",
        "category": [coded(CATEGORY, "vital-signs")], "subject": {"reference": owner},
        "code": code(LOINC, "85354-9", "Blood pressure panel"), "effectiveDateTime": _DAY,
        "component": [{"code": code(LOINC, *what), "valueQuantity": quantity(value, "mm[Hg]")}
                      for what, value in both],
    }  # fmt: skip


def _family(owner: str, name: str) -> Resource:
    return {
        "resourceType": "FamilyMemberHistory", "id": name, "status": "completed",
        "patient": {"reference": owner},
        "relationship": code(f"{HL7}/v3-RoleCode", "MTH", "mother"),
        "condition": [{"code": code(SNOMED, "363732003", "Addison disease")}],
    }  # fmt: skip
