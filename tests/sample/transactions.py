"""Lives of records as generators of whole lives write them: R4 transactions, urn:uuid references,
many digits after the point, claims beside clinical entries, no reference ranges.

`large` is a chart of some four megabytes, made when a test wants one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from uuid import UUID

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
    medication,
    patient,
    quantity,
    stay,
    transaction,
)  # fmt: skip

__all__ = ["large", "small"]

PROBLEMS = (
    ("38341003", "Hypertensive disorder"),
    ("44054006", "Diabetes mellitus type 2"),
    ("195967001", "Asthma"),
    ("55822004", "Hyperlipidemia"),
    ("396275006", "Osteoarthritis"),
    ("235595009", "Gastroesophageal reflux disease"),
)
DRUGS = (
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("860975", "metformin 500 MG Oral Tablet"),
    ("617312", "atorvastatin 20 MG Oral Tablet"),
)
MEASURED = (
    ("8302-2", "Body Height", "cm", 168.0, 0.0),
    ("29463-7", "Body Weight", "kg", 74.0, 6.0),
    ("8867-4", "Heart rate", "/min", 74.0, 9.0),
    ("4548-4", "Hemoglobin A1c", "%", 6.1, 0.8),
    ("2093-3", "Total Cholesterol", "mg/dL", 186.0, 24.0),
    ("2339-0", "Glucose", "mg/dL", 96.0, 18.0),
    ("2160-0", "Creatinine", "mg/dL", 0.9, 0.1),
)
VITAL = frozenset({"8302-2", "29463-7", "8867-4"})


def small() -> Iterator[tuple[str, Resource]]:
    """Two lives, of twelve visits and of five."""
    yield "life-1", _life(1, "female", "1958-03-21", ("Sampleton", "Gerda"), visits=12)
    yield "life-2", _life(2, "male", "1990-10-02", ("Drillman", "Hanno"), visits=5)


def large() -> Resource:
    """One life of some 1,100 resources and four megabytes, most of it items of claims."""
    who = ("Longchart", "Ivo")
    return _life(3, "male", "1947-06-11", who, visits=120, items=110)


def _life(
    seed: int, gender: str, born: str, who: tuple[str, str], visits: int, items: int = 0
) -> Resource:
    chance = random.Random(seed)
    ids = _ids(chance)
    person = next(ids)
    owner = f"urn:uuid:{person}"
    made = [patient(person, gender, born, *who)]
    for at in range(visits):
        made += _visit(owner, ids, chance, f"{2024 - at // 12}-{at % 12 + 1:02d}-14", items)
    made += [
        condition(owner, next(ids), code(SNOMED, *problem), f"20{10 + at}-05-0{at + 1}T09:30:00Z")
        for at, problem in enumerate(PROBLEMS[: 2 + visits // 4])
    ]
    drugs = DRUGS[: 1 + visits // 6]
    made += [medication(owner, next(ids), code(RXNORM, *d), "2023-04-01", "1 daily") for d in drugs]
    return transaction(*made, *_rest(owner, ids), urn=True)


def _ids(chance: random.Random) -> Iterator[str]:
    while True:
        yield str(UUID(int=chance.getrandbits(128), version=4))


def _visit(
    owner: str, ids: Iterator[str], chance: random.Random, day: str, items: int
) -> Iterator[Resource]:
    """An encounter, what was measured in it to many digits, and its claim."""
    visit, at = next(ids), f"{day}T08:12:31+00:00"
    reason = code(SNOMED, "185349003", "Encounter for check up")
    yield stay(owner, visit, "AMB", "finished", reason, start=at, end=f"{day}T08:42:31+00:00")
    for loinc, name, unit, mean, spread in MEASURED:
        kind = "vital-signs" if loinc in VITAL else "laboratory"
        yield {
            "resourceType": "Observation", "id": next(ids), "status": "final",
            "category": [coded(CATEGORY, kind)], "code": code(LOINC, loinc, name),
            "subject": {"reference": owner}, "encounter": {"reference": f"urn:uuid:{visit}"},
            "effectiveDateTime": at, "issued": f"{day}T08:12:31.812+00:00",
            "valueQuantity": quantity(chance.uniform(mean - spread, mean + spread), unit),
        }  # fmt: skip
    yield _claim(owner, next(ids), at, items)


def _claim(owner: str, name: str, at: str, items: int) -> Resource:
    claim: Resource = {
        "resourceType": "Claim", "id": name, "status": "active", "use": "claim",
        "type": coded(f"{HL7}/claim-type", "professional"), "patient": {"reference": owner},
        "created": at, "provider": {"display": "Sample Practice"},
        "priority": coded(f"{HL7}/processpriority", "normal"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "none"}}],
        "total": {"value": 129.16, "currency": "USD"},
    }  # fmt: skip
    if items:
        reason = code(SNOMED, "185349003", "Encounter for check up")
        net = {"value": 129.16, "currency": "USD"}
        claim["item"] = [
            {
                "sequence": number,
                "productOrService": reason,
                "net": net,
                "servicedDate": "2014-01-14",
            }
            for number in range(1, items + 1)
        ]
    return claim


def _rest(owner: str, ids: Iterator[str]) -> Iterator[Resource]:
    """An allergy, an immunization and a procedure."""
    yield {
        "resourceType": "AllergyIntolerance", "id": next(ids), "criticality": "low",
        "clinicalStatus": coded(f"{HL7}/allergyintolerance-clinical", "active"),
        "verificationStatus": coded(f"{HL7}/allergyintolerance-verification", "confirmed"),
        "code": code(SNOMED, "91936005", "Allergy to penicillin"),
        "patient": {"reference": owner}, "recordedDate": "1981-02-11T19:28:31+00:00",
    }  # fmt: skip
    yield {
        "resourceType": "Immunization", "id": next(ids), "status": "completed",
        "vaccineCode": code("http://hl7.org/fhir/sid/cvx", "140", "Influenza, seasonal"),
        "patient": {"reference": owner}, "occurrenceDateTime": "2023-10-08T19:28:31+00:00",
        "primarySource": True,
    }  # fmt: skip
    yield {
        "resourceType": "Procedure", "id": next(ids), "status": "completed",
        "code": code(SNOMED, "80146002", "Appendectomy"), "subject": {"reference": owner},
        "performedPeriod": {"start": "1999-08-02T10:00:00+00:00"},
    }  # fmt: skip
