"""The short statements of a case, and the parts of FHIR that all resources share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.plausibility.cases.load import AGO

__all__ = [
    "ICD", "LOINC", "NOW", "PATIENT", "RXNORM", "SNOMED", "UCUM", "Resource", "Statement", "at",
    "born", "concept", "hl7", "quantity", "spread", "subject",
]  # fmt: skip

Resource = dict[str, Any]

NOW = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
PATIENT = "p1"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"

_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.44, "y": 365.25}
_WITHOUT_SUBJECT = {"Patient"}
_PATIENT_ELEMENT = {"AllergyIntolerance", "FamilyMemberHistory", "Immunization"}
_STRENGTH = re.compile(r"^(.*?\d[\d.,/]*\s?(?:mg|mcg|g|units|mL|%|mEq|IU)(?:/\w+)?)\s+(.+)$")


@dataclass(frozen=True, slots=True)
class Statement:
    """ "I10 Essential hypertension @ -6 y resolved" by its parts; what is not said is ""."""

    system: str
    code: str
    text: str
    ago: str
    status: str

    @classmethod
    def read(cls, text: str, statuses: tuple[str, ...] = ()) -> Statement:
        """Splits off a code ("SNOMED 1", "RxNorm 1", ICD-10-CM), a time and one of `statuses`."""
        rest, _, status = text.rpartition(" ")
        if status not in statuses or not rest:
            rest, status = text, ""
        rest, _, ago = rest.partition(" @ ")
        if ago and not re.fullmatch(AGO, ago):
            raise ValueError(f"{text!r}: what follows @ is not like '-2 d'")
        named = re.match(r"(SNOMED|RxNorm) (\d+) (.+)|()([A-Z]\d[0-9A-Z]\S*) (.+)", rest)
        if not named:
            return cls("", "", rest, ago, status)
        system, code, words = (named.group(n) or named.group(n + 3) for n in (1, 2, 3))
        return cls(system or "ICD", code, words, ago, status)


def at(ago: str) -> str:
    """The FHIR instant so long before the visit: "-2 d"."""
    number, unit = ago.removeprefix("-").split()
    return (NOW - timedelta(days=float(number) * _DAYS[unit])).isoformat(timespec="seconds")


def born(age: str) -> str:
    """A birth date for the age: to the day for the small, else some months after a birthday."""
    number, unit = age.split()
    beyond = 120 if unit == "y" else 0 if unit in ("d", "wk") else 3
    return (NOW - timedelta(days=float(number) * _DAYS[unit] + beyond)).date().isoformat()


def hl7(system: str) -> str:
    return f"http://terminology.hl7.org/CodeSystem/{system}"


def concept(system: str, code: str, text: str) -> Resource:
    """A CodeableConcept: coded with words, a code alone, or words alone."""
    if not code:
        return {"text": text}
    coding = {"system": system, "code": code, **({"display": text} if text else {})}
    return {"coding": [coding], **({"text": text} if text else {})}


def quantity(value: str | float, unit: str) -> Resource:
    """A Quantity in UCUM; "<5" sends its comparator."""
    sign, number = re.fullmatch(r"([<>]?=?)(.+)", str(value)).groups()  # type: ignore[union-attr]
    made: Resource = {"value": float(number), "unit": unit, "system": UCUM, "code": unit}
    return {**made, "comparator": sign} if sign else made


def spread(text: str) -> tuple[str, str]:
    """ "Metformin 500 mg twice daily" as the drug with its strength, and the instruction."""
    found = _STRENGTH.match(text)
    return (found.group(1), found.group(2)) if found else (text, "")


def subject(kind: str) -> Resource:
    """The reference to the patient under the name that the type of resource has for it."""
    if kind in _WITHOUT_SUBJECT:
        return {}
    element = "patient" if kind in _PATIENT_ELEMENT else "subject"
    return {element: {"reference": f"Patient/{PATIENT}"}}
