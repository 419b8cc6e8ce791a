"""Where a result lies: against its reference range, and against what its sender says."""

from __future__ import annotations

from typing import Any

from fhir_mapping.chart import Code, Flag, Range
from fhir_mapping.drafting.draft import Draft
from fhir_mapping.elements.concepts import wording
from fhir_mapping.elements.json_values import objects
from fhir_mapping.elements.quantities import parts
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.results.range_populations import is_for
from fhir_mapping.results.written_ranges import written_range
from fhir_mapping.units.conversions import convert

__all__ = ["flag_against", "is_far_beyond", "judge_sent", "range_as_sent", "range_for"]

_LONGEST = 60
"""Longer texts beside a result are no range. Ours: a choice of presentation."""


def range_for(
    ranges: Any,
    words: TextCleaner,
    unit: str | None,
    age_years: float | None,
    sex: str | None,
    codes: tuple[Code, ...] = (),
    value: float | None = None,
) -> Range | None:
    """The reference range that fits this patient: the first normal one that does not exclude him.

    It is told in the unit of the result; a range in a unit that cannot be converted is none. A
    `value` helps to read a range that was only written.
    """
    loinc = codes[0].code if codes else ""
    for candidate in objects(ranges):
        if not is_for(candidate, age_years, sex, words):
            continue
        low, high = candidate.get("low"), candidate.get("high")
        if low or high:
            found = Range(_in_unit(low, words, unit, loinc), _in_unit(high, words, unit, loinc))
        else:
            written = written_range(candidate.get("text"), value, unit, loinc)
            found = Range(written.low, written.high)
        if _is_usable(found) and not _is_of_another_scale(found, value, unit):
            return found
    return None


def range_as_sent(ranges: Any, words: TextCleaner) -> str:
    """The words of a range that could not be read ("<5 negative, 5-10 borderline"), or ''."""
    for candidate in objects(ranges):
        normal = candidate.get("normalValue")
        said = words.typed(candidate.get("text")) or wording(normal, words)
        if said and len(said) <= _LONGEST and not (candidate.get("low") or candidate.get("high")):
            return said
    return ""


_SCALES = {"%": 0.01, "/uL": 0.001, "L/L": 100.0, "1": 100.0}
"""What a laboratory may write a range in, without saying so, beside a value in this unit. Ours."""

_SMALLEST = 0.1


def _is_of_another_scale(limits: Range, value: float | None, unit: str | None) -> bool:
    """Whether a two-sided range fits the value only as a fraction or in thousands.

    "0.36-0.48" beside 35 %, "4-10" beside 15000 /uL: the range is of another unit than is said.
    """
    scale = _SCALES.get(unit or "")
    low, high = limits.low, limits.high
    if scale is None or not value or low is None or high is None or low < _SMALLEST:
        return False
    return not low / 3 <= value <= high * 3 and low / 3 <= value * scale <= high * 3


def _is_usable(limits: Range) -> bool:
    """Neither empty nor upside down nor the "0 to 0" that stands where there is no range."""
    low, high = limits.low, limits.high
    if low is None or high is None:
        return low is not None or high is not None
    return low < high or low == high != 0


def _in_unit(value: Any, words: TextCleaner, unit: str | None, loinc: str) -> float | None:
    if not isinstance(value, dict):
        return None
    bound, _, own = parts(value, words)
    if bound is None or not own or not unit or own == unit:
        return bound
    return convert(bound, own, unit, loinc)


def flag_against(value: float, comparator: str | None, limits: Range) -> Flag | None:
    """Low, normal or high; None where a comparator leaves it open ("<5" against 3 to 7)."""
    low, high = limits.low, limits.high
    if comparator in ("<", "<="):
        if low is not None:
            return Flag.LOW if value <= low else None
        return Flag.NORMAL if high is not None and value <= high else None
    if comparator in (">", ">="):
        if high is not None:
            return Flag.HIGH if value >= high else None
        return Flag.NORMAL if low is not None and value >= low else None
    if low is not None and value < low:
        return Flag.LOW
    if high is not None and value > high:
        return Flag.HIGH
    return Flag.NORMAL


def judge_sent(draft: Draft, sent: Flag) -> None:
    """The sender's flag; where the sender's own range says otherwise, both are told.

    The flag is then the one that is not normal, and of two that are not the one by the range.
    """
    is_own = draft.range is not None and draft.range.source == "chart"
    is_told = is_own or (sent is Flag.NORMAL and is_far_beyond(draft.value, draft.range))
    by_range = draft.flag if is_told else None
    if by_range is None or _agree(sent, by_range):
        draft.flag = _directed(sent, by_range)
        draft.by_range = False
        return
    if by_range.is_abnormal:
        draft.flag = by_range
        whose = "its" if is_own else "the usual"
        draft.flagged = f"{by_range.value} by {whose} range, sent as {_word(sent)}"
    else:
        draft.flag, draft.by_range = sent, False
        draft.flagged = f"sent as {_word(sent)}, within its range"


def is_far_beyond(value: float | None, limits: Range | None) -> bool:
    """Whether a value is outside a range by more than its width (of one limit: by twice that).

    Ours: laboratories' ranges differ by less; such a value was not looked at when it was sent as
    normal, or is in another unit than it says.
    """
    if value is None or limits is None:
        return False
    low, high = limits.low, limits.high
    if low is not None and high is not None:
        width = high - low
        return value > high + width or value < low - width or 0 <= value < low / 2
    return (high is not None and value > 2 * high) or (low is not None and value < low / 2)


_UNDIRECTED = (Flag.ABNORMAL, Flag.CRITICAL_ABNORMAL)


def _directed(sent: Flag, by_range: Flag | None) -> Flag:
    """Abnormal as low or high where the range says which."""
    if sent not in _UNDIRECTED or by_range is None:
        return sent
    if sent is Flag.ABNORMAL:
        return by_range
    return Flag.CRITICAL_HIGH if by_range.is_high else Flag.CRITICAL_LOW


def _agree(sent: Flag, by_range: Flag) -> bool:
    if sent in _UNDIRECTED:
        return by_range.is_abnormal
    return (sent.is_high, sent.is_low) == (by_range.is_high, by_range.is_low)


def _word(flag: Flag) -> str:
    return flag.value.replace("-", " ")
