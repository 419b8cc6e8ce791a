"""Where a result lies: against its reference range, and against what its sender says."""

from __future__ import annotations

import re
from typing import Any

from fhir_mapping.chart import Code, Flag, Range
from fhir_mapping.concepts import codings
from fhir_mapping.conversions import convert
from fhir_mapping.draft import Draft
from fhir_mapping.quantities import Quantity, parts, quantity
from fhir_mapping.reading import items, objects, string
from fhir_mapping.tables import table
from fhir_mapping.words import Words
from fhir_mapping.written_ranges import written_range

__all__ = ["flag_against", "judge_sent", "range_for"]

_WORD = re.compile(r"[^\W\d_]+")
_NORMAL_RANGES = {"", "normal"}


def _codes(interpretation: Any) -> list[str]:
    found = []
    for concept in items(interpretation):
        if isinstance(concept, dict):
            found += [c["code"] for c in codings(concept) if isinstance(c.get("code"), str)]
        elif isinstance(concept, str):
            found.append(concept)
    return found


def range_for(
    ranges: Any,
    words: Words,
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
        if not _fits(candidate, age_years, sex, words):
            continue
        low, high = candidate.get("low"), candidate.get("high")
        if low or high:
            found = Range(_in_unit(low, words, unit, loinc), _in_unit(high, words, unit, loinc))
        else:
            written = written_range(candidate.get("text"), value, unit, loinc)
            found = Range(written.low, written.high)
        if _is_usable(found):
            return found
    return None


def _is_usable(limits: Range) -> bool:
    """Neither empty nor upside down nor the "0 to 0" that stands where there is no range."""
    low, high = limits.low, limits.high
    if low is None or high is None:
        return low is not None or high is not None
    return low < high or low == high != 0


def _in_unit(value: Any, words: Words, unit: str | None, loinc: str) -> float | None:
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
    by_range = draft.flag if draft.range is not None and draft.range.source == "chart" else None
    if by_range is None or _agree(sent, by_range):
        draft.flag, draft.by_range = sent, False
        return
    if by_range.is_abnormal:
        draft.flag = by_range
        draft.flagged = f"{by_range.value} by its range, sent as {_word(sent)}"
    else:
        draft.flag, draft.by_range = sent, False
        draft.flagged = f"sent as {_word(sent)}, within its range"


def _agree(sent: Flag, by_range: Flag) -> bool:
    if sent is Flag.ABNORMAL:
        return by_range.is_abnormal
    return (sent.is_high, sent.is_low) == (by_range.is_high, by_range.is_low)


def _word(flag: Flag) -> str:
    return flag.value.replace("-", " ")


def _bound(value: Any, words: Words) -> Quantity | None:
    return quantity(value, words) if isinstance(value, dict) else None


def _fits(
    candidate: dict[str, Any], age_years: float | None, sex: str | None, words: Words
) -> bool:
    kind = candidate.get("type")
    if kind is not None and _codes(kind) and not _NORMAL_RANGES.intersection(_codes(kind)):
        return False
    sexes = _sexes(candidate)
    if sexes and sex not in sexes:
        return False
    return _fits_age(candidate.get("age"), age_years, words)


def _sexes(candidate: dict[str, Any]) -> list[str]:
    """The sexes that a range is of: by the codes and words of appliesTo, else by its own words."""
    applies = candidate.get("appliesTo")
    meant = {code.lower() for code in _codes(applies)}
    meant |= {string(concept.get("text")).lower() for concept in objects(applies)}
    known = table("observations")["sexes"]
    found = [sex for sex, words in known.items() if not meant.isdisjoint(words)]
    if found or applies:
        return found
    written = _WORD.findall(string(candidate.get("text")).lower())
    return [s for s, words in known.items() if any(w in words for w in written if len(w) > 1)]


def _fits_age(age: Any, age_years: float | None, words: Words) -> bool:
    if not isinstance(age, dict):
        return True
    low, high = _years(age.get("low"), words), _years(age.get("high"), words)
    if low is None and high is None:
        return True
    if age_years is None:
        return False
    return (low is None or age_years >= low) and (high is None or age_years <= high)


_YEARS = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25, "years": 1.0, "year": 1.0}


def _years(value: Any, words: Words) -> float | None:
    read = _bound(value, words)
    if read is None or read.value is None:
        return None
    return read.value * _YEARS.get(read.unit or "a", 1.0)
