"""FHIR R4 resources for cases that are not charts yet. Pure: the moment is handed in.

They use what the service asks an EHR for: the reasons of the encounter in progress, notes, vital
signs, laboratory results, reports, problems, medications. Nothing here is a real patient's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

__all__ = ["ChartBuilder", "parse_age", "parse_sex", "quantity"]

Resource = dict[str, Any]

_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

# Notes are read by their beginning; a longer text becomes several notes, cut between sentences.
_NOTE_CHARACTERS = 1000

_AGE = re.compile(
    r"(?<![\d-])(\d{1,3}(?:\.\d)?)[\s-]*(hour|day|week|wk|month|mo|year|yr)s?[\s-]*old",
    re.IGNORECASE,
)
_YEARS = {"hour": 1 / 8766, "day": 1 / 365.25, "week": 7 / 365.25, "wk": 7 / 365.25}
_YEARS |= {"month": 1 / 12, "mo": 1 / 12, "year": 1.0, "yr": 1.0}
_NEWBORN = re.compile(r"\b(newborn|neonate)\b", re.IGNORECASE)
_FEMALE = re.compile(r"\b(female|woman|girl|lady|primigravid\w*|gravida)\b", re.IGNORECASE)
_MALE = re.compile(r"\b(male|man|boy|gentleman)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def parse_age(text: str) -> float | None:
    """Years of the first age in a text ("18-month-old", "a newborn"), or None."""
    found = _AGE.search(text)
    if found:
        return float(found[1]) * _YEARS[found[2].lower()]
    return 0.0 if _NEWBORN.search(text) else None


def parse_sex(text: str) -> str | None:
    """FHIR administrative gender by the first word that tells it, or None."""
    female, male = _FEMALE.search(text), _MALE.search(text)
    if female and (not male or female.start() <= male.start()):
        return "female"
    return "male" if male else None


class ChartBuilder:
    """Resources of one patient, numbered in the order in which they are added."""

    def __init__(self, patient_id: str, now: datetime) -> None:
        self.patient_id = patient_id
        self._now = now
        self.resources: list[Resource] = []

    def patient(self, age_years: float | None, sex: str | None) -> None:
        """Age becomes a date of birth, to the day."""
        patient: Resource = {"resourceType": "Patient", "id": self.patient_id}
        if sex:
            patient["gender"] = sex
        if age_years is not None:
            # Half a day more than the birthday: the age is then told as the case tells it.
            born = self._now - timedelta(days=age_years * 365.25 + 0.5)
            patient["birthDate"] = born.date().isoformat()
        self.resources.append(patient)

    def encounter(self, reasons: list[str]) -> None:
        """The encounter in progress, with what the patient came for."""
        codes = [{"text": reason} for reason in reasons]
        self._add(
            "Encounter",
            status="in-progress",
            **{"class": {"code": "AMB"}},
            period={"start": self._moment()},
            **({"reasonCode": codes} if codes else {}),
        )

    def note(self, title: str, text: str) -> None:
        """A note; a long one in several parts."""
        parts = list(_parts(text))
        for number, part in enumerate(parts, start=1):
            name = title if len(parts) == 1 else f"{title} ({number} of {len(parts)})"
            data = base64.b64encode(part.encode()).decode()
            self._add(
                "DocumentReference",
                status="current",
                type={"text": name},
                date=self._moment(),
                content=[{"attachment": {"contentType": "text/plain", "data": data}}],
            )

    def problem(self, text: str) -> None:
        """An entry of the problem list."""
        self._add("Condition", code={"text": text})

    def medication(self, text: str) -> None:
        """A medication that the patient takes."""
        self._add("MedicationStatement", status="active", medicationCodeableConcept={"text": text})

    def report(self, title: str, conclusion: str) -> None:
        """Imaging, a tracing or a biopsy: what it concludes."""
        self._add(
            "DiagnosticReport",
            status="final",
            code={"text": title},
            effectiveDateTime=self._moment(),
            conclusion=conclusion,
        )

    def observation(
        self, category: str, name: str, value: Resource, *, loinc: str = "", flag: str = ""
    ) -> None:
        """A vital sign or laboratory result; `value` is a `value[x]` or `component` element."""
        code: Resource = {"text": name}
        if loinc:
            code["coding"] = [{"system": _LOINC, "code": loinc}]
        more: Resource = {}
        if flag:
            more["interpretation"] = [{"coding": [{"system": _INTERPRETATION, "code": flag}]}]
        self._add(
            "Observation",
            status="final",
            category=[{"coding": [{"system": _CATEGORY, "code": category}]}],
            code=code,
            effectiveDateTime=self._moment(),
            **value,
            **more,
        )

    def _add(self, resource_type: str, **content: Any) -> None:
        number = f"{resource_type.lower()}-{len(self.resources)}"
        subject = {"reference": f"Patient/{self.patient_id}"}
        head = {"resourceType": resource_type, "id": number, "subject": subject}
        self.resources.append({**head, **content})

    def _moment(self) -> str:
        return self._now.replace(microsecond=0).isoformat()


def quantity(value: float, unit: str, ucum: str = "") -> Resource:
    """A `Quantity`; with a UCUM code where the unit is one."""
    whole: Resource = {"value": value, "unit": unit}
    return {**whole, "system": _UCUM, "code": ucum} if ucum else whole


def _parts(text: str) -> Iterator[str]:
    part = ""
    for sentence in _SENTENCE.split(text.strip()):
        if part and len(part) + len(sentence) >= _NOTE_CHARACTERS:
            yield part
            part = ""
        part = f"{part} {sentence}".strip()
    if part:
        yield part
