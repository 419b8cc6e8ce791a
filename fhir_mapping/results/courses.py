"""Repeats of one thing become one fact: a result with its course, a drug or a visit with its count.

A course is told over the year before its last value: its first value in that time (or, when the
last stands alone there, the one before it), the last, and the extremes if they are neither. The
year is a choice of presentation, not a medical rule; `sources` hold every repeat. No direction is
told of a change that is within the variation of the assay and the person.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_mapping.chart import Flag, Range
from fhir_mapping.drafting.draft import Draft
from fhir_mapping.elements.phrasing import plain, span
from fhir_mapping.results.reference_changes import is_within_variation
from fhir_mapping.units.ucum import shown_unit

__all__ = ["limits_text", "result_phrase"]

_WINDOW_DAYS = 366.0


def result_phrase(repeats: Sequence[Draft]) -> str:
    """The phrase for the results of one test, oldest first, of which the last is the newest."""
    last = repeats[-1]
    parts = [f"{last.text}{_values(repeats)}"]
    limits = last.limits or limits_text(last.range)
    if limits:
        parts.append(f"({limits})")
    if last.flag is not None and last.flag is not Flag.NORMAL:
        parts.append(last.flagged or last.flag.replace("-", " "))
    if last.status == "preliminary":
        parts.append("(preliminary)")
    phrase = " ".join(parts)
    return f"{phrase}; {last.remark}" if last.remark else phrase


def _values(repeats: Sequence[Draft]) -> str:
    last = repeats[-1]
    if len(repeats) == 1:
        shown = _figure(last)
        return f" {_with_unit(shown, last)}" if last.value is not None else f": {shown}"
    return _numbers(repeats) if last.value is not None else _words(repeats)


def _numbers(repeats: Sequence[Draft]) -> str:
    told = _told(repeats)
    first, last = told[0], told[-1]
    change = f" {_figure(first)} -> {_with_unit(_figure(last), last)}{_over(first, last)}"
    return change + _direction(first, last) + _extremes(told)


def _words(repeats: Sequence[Draft]) -> str:
    told = _told(repeats)
    first, last = told[0], told[-1]
    if all(draft.shown == last.shown for draft in told):
        return f": {last.shown} ({len(repeats)} times)"
    before = next(d for d in reversed(told) if d.shown != last.shown)
    return f": {before.shown} -> {last.shown}{_over(first, last)}"


def _told(repeats: Sequence[Draft]) -> Sequence[Draft]:
    newest = repeats[-1].days_ago
    if newest is None:
        return repeats
    told = [d for d in repeats if d.days_ago is not None and d.days_ago - newest <= _WINDOW_DAYS]
    return told if len(told) > 1 else repeats[-2:]


def _over(first: Draft, last: Draft) -> str:
    if first.days_ago is None or last.days_ago is None or first.days_ago <= last.days_ago:
        return ""
    return f" over {span(first.days_ago - last.days_ago)}"


def _direction(first: Draft, last: Draft) -> str:
    if first.value is None or last.value is None or first.comparator or last.comparator:
        return ""
    if plain(first.value) == plain(last.value):
        return ", unchanged"
    if is_within_variation(first, last):
        return ""
    return ", rising" if last.value > first.value else ", falling"


def _extremes(told: Sequence[Draft]) -> str:
    plain_ones = [d for d in told if d.value is not None]
    lowest = min(plain_ones, key=lambda d: d.value or 0.0)
    highest = max(plain_ones, key=lambda d: d.value or 0.0)
    ends = {told[0].value, told[-1].value}
    found = []
    if lowest.value not in ends:
        found.append(f"lowest {_figure(lowest)}")
    if highest.value not in ends:
        found.append(f"highest {_figure(highest)}")
    return f", {', '.join(found)}" if found else ""


def _figure(draft: Draft) -> str:
    if draft.shown is not None or draft.value is None:
        return draft.shown or ""
    return f"{draft.comparator or ''}{plain(draft.value)}"


def _with_unit(shown: str, draft: Draft) -> str:
    unit = shown_unit(draft.unit) if draft.unit else ""
    if not unit:
        return shown
    figure, bracket, said = shown.partition(" (")  # what the sender says of it: "9.8 (low)"
    return f"{figure}{'' if unit == '%' else ' '}{unit}{bracket}{said}"


def limits_text(limits: Range | None) -> str:
    """A range as it is written behind a result: "0.6-1.2", "to 5", "usual from 60"."""
    if limits is None:
        return ""
    low, high = limits.low, limits.high
    if low is not None and high is not None:
        said = f"{plain(low)}-{plain(high)}"
    elif high is not None:
        said = f"to {plain(high)}"
    else:
        said = f"from {plain(low)}" if low is not None else ""
    return said if limits.source == "chart" else f"usual {said}"
