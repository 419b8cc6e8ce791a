"""Vital signs, laboratory results, reports and social history of a case as FHIR R4."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.plausibility.cases.load import LOINC as LOINC_SHAPE
from tests.plausibility.cases.load import Case
from tests.plausibility.cases.statements import (
    LOINC,
    SNOMED,
    Resource,
    at,
    concept,
    hl7,
    quantity,
)

__all__ = ["lab", "result", "social", "vital_signs"]

VITALS = {
    "hr": ("8867-4", "Heart rate", "/min"),
    "rr": ("9279-1", "Respiratory rate", "/min"),
    "spo2": ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%"),
    "temp": ("8310-5", "Body temperature", "Cel"),
    "gcs": ("9269-2", "Glasgow coma score total", "{score}"),
    "pain": ("72514-3", "Pain severity - 0-10 verbal numeric rating", "{score}"),
    "weight": ("29463-7", "Body weight", "kg"),
    "height": ("8302-2", "Body height", "cm"),
    "o2": ("3151-8", "Inhaled oxygen flow rate", "L/min"),
}
SMOKING = {
    "smoker": ("77176002", "Smoker"),
    "current smoker": ("77176002", "Smoker"),
    "ex-smoker": ("8517006", "Ex-smoker"),
    "former smoker": ("8517006", "Ex-smoker"),
    "never smoker": ("266919005", "Never smoked tobacco"),
}


def vital_signs(case: Case) -> Iterator[Resource]:
    """One Observation each; the blood pressure is one with two components."""
    for name, (code, text, unit) in VITALS.items():
        value = getattr(case.vitals, name)
        if value is not None:
            yield _observation(
                "vital-signs", code, text, "-30 min", valueQuantity=quantity(value, unit)
            )
    if case.vitals.bp:
        yield _blood_pressure(*case.vitals.bp.split("/"))


def _blood_pressure(systolic: str, diastolic: str) -> Resource:
    parts = (("8480-6", "Systolic blood pressure", systolic),
             ("8462-4", "Diastolic blood pressure", diastolic))  # fmt: skip
    told = [
        {"code": concept(LOINC, code, text), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, text, value in parts
    ]
    return _observation("vital-signs", "85354-9", "Blood pressure panel", "-30 min", component=told)


def lab(row: tuple[str | float, ...]) -> Resource:
    """A result with its range, without an interpretation."""
    text, code, value, unit, limits = row[:5]
    low, _, high = str(limits).partition("-")
    ends = {
        end: quantity(bound, str(unit))
        for end, bound in (("low", low), ("high", high)) if bound
    }  # fmt: skip
    more = {"referenceRange": [ends]} if ends else {}
    when = str(row[5]) if len(row) > 5 else "-45 min"
    sent = quantity(value, str(unit))
    return _observation("laboratory", str(code), str(text), when, valueQuantity=sent, **more)


def result(row: tuple[str, ...]) -> Resource:
    """A qualitative result where the second part is a LOINC code, else a report's conclusion."""
    if not re.fullmatch(LOINC_SHAPE, row[1]):
        when = at(row[2] if len(row) > 2 else "-40 min")
        return {
            "resourceType": "DiagnosticReport", "status": "final", "code": {"text": row[0]},
            "effectiveDateTime": when, "conclusion": row[1],
        }  # fmt: skip
    when = row[3] if len(row) > 3 else "-45 min"
    value = {"valueString": row[2]}
    if row[2] == "Positive":
        value = {"valueCodeableConcept": concept(SNOMED, "10828004", "Positive")}
    elif row[2] == "Negative":
        value = {"valueCodeableConcept": concept(SNOMED, "260385009", "Negative")}
    return _observation("laboratory", row[1], row[0], when, **value)


def social(text: str) -> Resource:
    """Smoking by its code; "Alcohol: ..." and other named habits as answers; else a sentence."""
    if text.lower() in SMOKING:
        value = concept(SNOMED, *SMOKING[text.lower()])
        return _observation(
            "social-history", "72166-2", "Tobacco smoking status", "-1 h",
            valueCodeableConcept=value,
        )  # fmt: skip
    name, _, answer = text.partition(": ")
    if name == "Alcohol":
        return _observation(
            "social-history", "11331-6", "History of Alcohol use", "-1 h", valueString=answer
        )
    if answer:
        made = _observation("social-history", "", name, "-1 h", valueString=answer)
    else:
        made = _observation("social-history", "29762-2", "Social history", "-1 h", valueString=text)
    return made


def _observation(category: str, code: str, text: str, when: str, **more: object) -> Resource:
    return {
        "resourceType": "Observation", "status": "final", "code": concept(LOINC, code, text),
        "category": [concept(hl7("observation-category"), category, "")],
        "effectiveDateTime": at(when), **more,
    }  # fmt: skip
