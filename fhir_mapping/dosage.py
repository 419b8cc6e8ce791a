"""A dose as a prescriber says it: the text that was written, else made from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.concepts import wording
from fhir_mapping.phrases import plain
from fhir_mapping.quantities import shown_quantity
from fhir_mapping.reading import number, object_of, objects, string
from fhir_mapping.words import Words

__all__ = ["dose_text"]

_MOST_STEPS = 3
_EVERY = {
    (1.0, 1.0, "d"): "once daily",
    (2.0, 1.0, "d"): "twice daily",
    (1.0, 1.0, "wk"): "once weekly",
    (1.0, 1.0, "mo"): "once monthly",
}
_PERIODS = {"s": "s", "min": "min", "h": "hours", "d": "days", "wk": "weeks", "mo": "months",
            "a": "years"}  # fmt: skip


def dose_text(dosages: Any, words: Words) -> str:
    """The dosage instructions as one phrase, or ''."""
    steps = (_step(dosage, words) for dosage in objects(dosages)[:_MOST_STEPS])
    return ", then ".join(dict.fromkeys(filter(None, steps)))


def _step(dosage: Mapping[str, Any], words: Words) -> str:
    written = words.typed(dosage.get("text"))
    if written:
        return written.rstrip(".")
    parts = [
        _amount(dosage, words),
        wording(dosage.get("route"), words).lower(),
        _timing(dosage.get("timing"), words),
        _as_needed(dosage, words),
    ]
    return " ".join(filter(None, parts))


def _amount(dosage: Mapping[str, Any], words: Words) -> str:
    """R4 and R5 keep the dose in doseAndRate, STU3 and administrations beside it."""
    for holder in (object_of(dosage.get("doseAndRate")), dosage):
        for name in ("doseQuantity", "dose", "doseSimpleQuantity", "rateQuantity"):
            shown = shown_quantity(holder.get(name), words)
            if shown:
                return shown
        dose_range = object_of(holder.get("doseRange"))
        ends = [shown_quantity(dose_range.get(end), words) for end in ("low", "high")]
        if all(ends):
            return " to ".join(ends)
    return ""


def _timing(timing: Any, words: Words) -> str:
    if not isinstance(timing, dict):
        return ""
    written = wording(timing.get("code"), words)
    if written:
        return written
    repeat = object_of(timing.get("repeat"))
    times, period = number(repeat.get("frequency")) or 1.0, number(repeat.get("period"))
    unit = string(repeat.get("periodUnit"))
    if period is None or unit not in _PERIODS:
        return ""
    known = _EVERY.get((times, period, unit))
    if known:
        return known
    often = "" if times == 1 else f"{plain(times)} times "
    if period == 1:
        return f"{often}every {_PERIODS[unit].removesuffix('s') or 'second'}"
    return f"{often}every {plain(period)} {_PERIODS[unit]}"


def _as_needed(dosage: Mapping[str, Any], words: Words) -> str:
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
