"""FHIR R4 resources of invented patients, as small builders. Pure and the same each time."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CATEGORY",
    "ICD",
    "LOINC",
    "RXNORM",
    "SNOMED",
    "Resource",
    "code",
    "coded",
    "condition",
    "lab",
    "medication",
    "note",
    "patient",
    "quantity",
    "stay",
    "transaction",
    "vital",
]  # fmt: skip

Resource = dict[str, Any]

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem"
CATEGORY = f"{HL7}/observation-category"


def code(system: str, value: str, display: str) -> Resource:
    """A CodeableConcept with one coding and the same words as its text."""
    return {"coding": [{"system": system, "code": value, "display": display}], "text": display}


def coded(system: str, value: str) -> Resource:
    """A CodeableConcept with a code alone."""
    return {"coding": [{"system": system, "code": value}]}


def quantity(value: float, unit: str) -> Resource:
    """A Quantity whose unit is its UCUM code."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def patient(patient_id: str, gender: str, born: str, family: str, given: str) -> Resource:
    """With a name, an address, a telephone and a record number, all invented."""
    return {
        "resourceType": "Patient", "id": patient_id, "active": True,
        "identifier": [{"system": "urn:oid:2.999.1", "value": f"MRN-{patient_id.upper()}"}],
        "name": [{"use": "official", "family": family, "given": [given]}],
        "telecom": [{"system": "phone", "value": "555-0142", "use": "home"},
                    {"system": "email", "value": f"{given.lower()}@mail.example"}],
        "gender": gender, "birthDate": born,
        "address": [{"line": ["12 Sample Street"], "city": "Exampleton", "postalCode": "99999"}],
        "contact": [{"name": {"family": f"{family}son", "given": ["Contactine"]}}],
    }  # fmt: skip


def condition(owner: str, name: str, what: Resource, since: str, **more: Any) -> Resource:
    """An active, confirmed entry of the problem list."""
    return {
        "resourceType": "Condition", "id": name,
        "clinicalStatus": coded(f"{HL7}/condition-clinical", "active"),
        "verificationStatus": coded(f"{HL7}/condition-ver-status", "confirmed"),
        "category": [coded(f"{HL7}/condition-category", "problem-list-item")],
        "code": what, "subject": {"reference": owner}, "onsetDateTime": since, **more,
    }  # fmt: skip


def vital(
    owner: str, name: str, what: Resource, value: Resource, at: str, **more: Any
) -> Resource:  # fmt: skip
    return _observation(owner, name, "vital-signs", what, at, valueQuantity=value, **more)


def lab(
    owner: str, name: str, what: Resource, value: Resource, at: str,
    bounds: tuple[float, float], flag: str = "", **more: Any,
) -> Resource:  # fmt: skip
    """A laboratory result with its range and, where it is out of it, the interpretation."""
    unit = value["unit"]
    ends = {"low": quantity(bounds[0], unit), "high": quantity(bounds[1], unit)}
    if flag:
        more["interpretation"] = [coded(f"{HL7}/v3-ObservationInterpretation", flag)]
    more |= {"valueQuantity": value, "referenceRange": [ends]}
    return _observation(owner, name, "laboratory", what, at, **more)


def medication(owner: str, name: str, what: Resource, since: str, text: str) -> Resource:
    return {
        "resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order",
        "medicationCodeableConcept": what, "subject": {"reference": owner}, "authoredOn": since,
        "dosageInstruction": [{"text": text}],
    }  # fmt: skip


def note(owner: str, name: str, title: str, data: str, at: str) -> Resource:
    """A DocumentReference; `data` is the text in base64."""
    content = {"contentType": "text/plain; charset=utf-8", "data": data}
    return {
        "resourceType": "DocumentReference", "id": name, "status": "current",
        "type": {"text": title}, "subject": {"reference": owner}, "date": at,
        "content": [{"attachment": content}],
    }  # fmt: skip


def stay(
    owner: str, name: str, kind: str, status: str, reason: Resource, **period: str
) -> Resource:
    """An Encounter of class `kind` (EMER, IMP, AMB)."""
    return {
        "resourceType": "Encounter", "id": name, "status": status,
        "class": {"system": f"{HL7}/v3-ActCode", "code": kind}, "subject": {"reference": owner},
        "period": period, "reasonCode": [reason],
    }  # fmt: skip


def transaction(*resources: Resource, urn: bool = False) -> Resource:
    """A transaction Bundle; with `urn` the full URLs are urn:uuid:<id>."""
    entry = [
        {
            "fullUrl": f"urn:uuid:{r['id']}" if urn else f"{r['resourceType']}/{r['id']}",
            "resource": r,
            "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"},
        }
        for r in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entry}


def _observation(
    owner: str, name: str, category: str, what: Resource, at: str, **more: Any
) -> Resource:
    return {
        "resourceType": "Observation", "id": name, "status": "final",
        "category": [coded(CATEGORY, category)], "code": what,
        "subject": {"reference": owner}, "effectiveDateTime": at, **more,
    }  # fmt: skip
