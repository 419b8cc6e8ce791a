"""A dose as a prescriber says it: the text that was written, else made from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from fhir_mapping.elements.concepts import wording
from fhir_mapping.elements.json_values import items, number, object_of, objects
from fhir_mapping.elements.quantities import shown_quantity
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.resources.schedules import schedule_text

__all__ = ["dose_text"]

_MOST_STEPS = 6
_LIMITS = (
    ("maxDosePerAdministration", "at a time"),
    ("maxDosePerLifetime", "in a lifetime"),
)
_MAXIMA = frozenset({"maxDosePerPeriod", *(name for name, _ in _LIMITS)})


def dose_text(dosages: Any, words: TextCleaner) -> str:
    """The dosage instructions as one phrase, or ''.

    Steps of one sequence number, and those without any, hold at the same time ("; "); those of a
    higher number follow (", then "), as FHIR defines Dosage.sequence.
    """
    sent = objects(dosages)
    if len(sent) < 2:
        return _step(sent[0], words) if sent else ""
    steps = sorted(sent[:_MOST_STEPS], key=_sequence)
    groups = ([_step(d, words) for d in same] for _, same in groupby(steps, key=_sequence))
    said = ("; ".join(dict.fromkeys(filter(None, group))) for group in groups)
    more = f" (and {len(sent) - _MOST_STEPS} more)" if len(sent) > _MOST_STEPS else ""
    text = ", then ".join(filter(None, said))
    return f"{text}{more}" if text else ""


def _sequence(dosage: Mapping[str, Any]) -> float:
    return number(dosage.get("sequence")) or 0.0


def _step(dosage: Mapping[str, Any], words: TextCleaner) -> str:
    written = words.typed(dosage.get("text"))
    if written:
        return written.rstrip(".")
    parts = [
        _amount(dosage, words),
        wording(dosage.get("route"), words).lower(),
        _site(dosage, words),
        schedule_text(dosage.get("timing"), words),
        _as_needed(dosage, words),
    ]
    said = " ".join(filter(None, parts))
    return ", ".join(filter(None, (said, _most(dosage, words), _instructions(dosage, words))))


_INSTRUCTIONS = ("additionalInstruction", "patientInstruction")
_LONGEST = 80


def _instructions(dosage: Mapping[str, Any], words: TextCleaner) -> str:
    """What else the patient is told ("halve on Sundays"), where it is short."""
    if not any(name in dosage for name in _INSTRUCTIONS):
        return ""
    sent = [*items(dosage.get("additionalInstruction")), dosage.get("patientInstruction")]
    said = (wording(instruction, words) for instruction in sent)
    return ", ".join(dict.fromkeys(text for text in said if text and len(text) <= _LONGEST))


def _site(dosage: Mapping[str, Any], words: TextCleaner) -> str:
    site = wording(dosage.get("site"), words)
    return f"({site.lower()})" if site else ""


def _amount(dosage: Mapping[str, Any], words: TextCleaner) -> str:
    """R4 and R5 keep the dose in doseAndRate, STU3 and administrations beside it."""
    for holder in (_dose_and_rate(dosage), dosage):
        dose = _measure(holder, ("doseQuantity", "dose", "doseSimpleQuantity", "doseRange"), words)
        rate = _measure(holder, ("rateQuantity", "rateSimpleQuantity", "rateRange"), words)
        if not rate and "rateRatio" in holder:
            rate = _ratio(holder["rateRatio"], words)
        if dose and rate:
            return f"{dose} at {rate}"
        if dose or rate:
            return dose or rate
    return ""


def _dose_and_rate(dosage: Mapping[str, Any]) -> Mapping[str, Any]:
    """The dose that was ordered, else the first (the others are calculated)."""
    sent = objects(dosage.get("doseAndRate"))
    if len(sent) > 1:
        ordered = (d for d in sent if "ordered" in str(d.get("type")).lower())
        return next(ordered, sent[0])
    return sent[0] if sent else {}


def _measure(holder: Mapping[str, Any], names: tuple[str, ...], words: TextCleaner) -> str:
    """The first of these quantities or ranges that is there, as text."""
    for name in names:
        if name not in holder:
            continue
        value = object_of(holder[name])
        shown = shown_quantity(value, words)
        if shown or isinstance(value.get("value"), str):
            return (
                shown or f"{words.typed(value['value'])} {words.coded(value.get('unit'))}".strip()
            )
        low, high = (shown_quantity(value.get(end), words) for end in ("low", "high"))
        if low and high:
            return f"{low} to {high}"
        if low or high:
            return f"at least {low}" if low else f"up to {high}"
    return ""


def _ratio(value: Any, words: TextCleaner) -> str:
    """ "100 mL per 8 h"; an hour, a day or another single unit goes without its number."""
    ratio = object_of(value)
    above, below = (shown_quantity(ratio.get(end), words) for end in ("numerator", "denominator"))
    if not above or not below:
        return ""
    single = number(object_of(ratio.get("denominator")).get("value")) == 1
    return f"{above} per {below.partition(' ')[2] or below}" if single else f"{above} per {below}"


def _most(dosage: Mapping[str, Any], words: TextCleaner) -> str:
    """The largest dose that is allowed: in a period, at a time, in all."""
    if _MAXIMA.isdisjoint(dosage):
        return ""
    periods = (_ratio(sent, words) for sent in items(dosage.get("maxDosePerPeriod")))
    said = [f"at most {ratio}" for ratio in periods if ratio]
    for name, when in _LIMITS:
        shown = shown_quantity(dosage.get(name), words)
        if shown:
            said.append(f"at most {shown} {when}")
    return ", ".join(said)


def _as_needed(dosage: Mapping[str, Any], words: TextCleaner) -> str:
    reason = next(
        (
            wording(dosage[name], words)
            for name in ("asNeededCodeableConcept", "asNeededFor")
            if dosage.get(name)
        ),
        "",
    )
    if reason:
        return f"as needed for {reason}"
    needed = dosage.get("asNeededBoolean") is True or dosage.get("asNeeded") is True
    return "as needed" if needed else ""
