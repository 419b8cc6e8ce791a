"""STU3 patients, each in three parts as a server that pages would send them.

What differs from R4: statuses are codes and not concepts, MedicationRequest has a flat dose,
AllergyIntolerance `assertedDate`, Encounter a class without a system, categories another URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.sample.resources import (
    LOINC,
    RXNORM,
    SNOMED,
    Resource,
    code,
    patient,
    quantity,
    transaction,
)  # fmt: skip

__all__ = ["PATIENTS", "parts"]

_STU3_CATEGORY = "http://hl7.org/fhir/observation-category"
PATIENTS = {
    "stu3-1": ("male", "1969-02-01", ("Oldformat", "Jonas")),
    "stu3-2": ("female", "1984-08-17", ("Vintage", "Klara")),
}
PROBLEMS = {
    "stu3-1": (("195967001", "Asthma"), ("38341003", "Hypertensive disorder")),
    "stu3-2": (("40930008", "Hypothyroidism"), ("37796009", "Migraine")),
}
RESULTS = (("2075-0", "Chloride SerPl-sCnc", 104.0, "mmol/L", (98.0, 107.0)),
           ("2823-3", "Potassium SerPl-sCnc", 5.9, "mmol/L", (3.5, 5.1)),
           ("718-7", "Hgb Bld-mCnc", 10.2, "g/dL", (12.0, 16.0)))  # fmt: skip


def parts() -> Iterator[tuple[str, Resource]]:
    """(<patient>, <patient>.01, <patient>.02) with a bundle each; the Patient is in the second."""
    for name, (gender, born, who) in PATIENTS.items():
        owner = f"Patient/{name}"
        yield name, transaction(*_orders(name, owner))
        yield f"{name}.01", transaction(patient(name, gender, born, *who), _visit(name, owner))
        yield f"{name}.02", transaction(*_results(name, owner))


def _orders(name: str, owner: str) -> Iterator[Resource]:
    for at, (snomed, display) in enumerate(PROBLEMS[name]):
        yield {
            "resourceType": "Condition", "id": f"{name}-c{at}", "clinicalStatus": "active",
            "verificationStatus": "confirmed", "code": code(SNOMED, snomed, display),
            "subject": {"reference": owner}, "onsetDateTime": f"20{11 + at}-05-09",
        }  # fmt: skip
    drug = code(RXNORM, "153892", "montelukast 10 MG Oral Tablet")
    supply = {"quantity": quantity(30, "{tablet}"), "numberOfRepeatsAllowed": 1}
    bounds = {"repeat": {"boundsPeriod": {"start": "2007-10-03"}, "frequency": 1, "period": 1,
                         "periodUnit": "d"}}  # fmt: skip
    dose = {"text": "1 daily", "doseQuantity": quantity(1, "{tablet}"), "timing": bounds}
    yield {
        "resourceType": "MedicationRequest", "id": f"{name}-m", "status": "active",
        "intent": "order", "medicationCodeableConcept": drug, "subject": {"reference": owner},
        "dispenseRequest": supply, "dosageInstruction": [dose],
    }  # fmt: skip
    yield {
        "resourceType": "MedicationDispense", "id": f"{name}-d", "status": "completed",
        "medicationCodeableConcept": drug, "subject": {"reference": owner},
        "authorizingPrescription": [{"reference": f"MedicationRequest/{name}-m"}],
        "daysSupply": quantity(90, "d"), "whenHandedOver": "2013-03-16",
    }  # fmt: skip
    yield {
        "resourceType": "AllergyIntolerance", "id": f"{name}-a", "clinicalStatus": "active",
        "verificationStatus": "confirmed", "assertedDate": "2000",
        "code": code(SNOMED, "716186003", "No known allergies"), "patient": {"reference": owner},
    }  # fmt: skip


def _visit(name: str, owner: str) -> Resource:
    return {
        "resourceType": "Encounter", "id": f"{name}-e", "status": "finished",
        "class": {"code": "ambulatory"}, "subject": {"reference": owner},
        "type": [code(SNOMED, "270427003", "Patient-initiated encounter")],
        "period": {"start": "2001-07-21", "end": "2001-07-21"},
    }  # fmt: skip


def _results(name: str, owner: str) -> Iterator[Resource]:
    for at, (loinc, display, value, unit, (low, high)) in enumerate(RESULTS):
        meaning = "http://hl7.org/fhir/referencerange-meaning"
        normal: dict[str, Any] = {"coding": [{"system": meaning, "code": "normal"}]}
        bounds = {"low": quantity(low, unit), "high": quantity(high, unit), "type": normal}
        yield {
            "resourceType": "Observation", "id": f"{name}-o{at}", "status": "final",
            "category": [{"coding": [{"system": _STU3_CATEGORY, "code": "laboratory"}]}],
            "code": code(LOINC, loinc, display), "subject": {"reference": owner},
            "effectiveDateTime": "2011-06-29", "valueQuantity": quantity(value, unit),
            "referenceRange": [bounds],
        }  # fmt: skip
