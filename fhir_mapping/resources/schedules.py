"""FHIR's Timing as a phrase: how often, on which days, at which times, for how long.

What cannot be said exactly is shown as it was sent ("as sent: when ZZZ"): a schedule of which a
part was dropped is another schedule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

from fhir_mapping.elements.concepts import codings, wording
from fhir_mapping.elements.json_values import items, number, object_of, objects, string
from fhir_mapping.elements.phrasing import plain, span
from fhir_mapping.elements.quantities import shown_quantity
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.tables import table

__all__ = ["joined", "schedule_text"]

_PERIODS = {"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month",
            "a": "year"}  # fmt: skip
_ADVERBS = {"d": "daily", "wk": "weekly", "mo": "monthly", "a": "yearly"}
_OFTEN = {1.0: "once", 2.0: "twice"}
_CODE = re.compile(r"[A-Za-z0-9.:_-]{1,20}")
_READ = frozenset(
    {"frequency", "frequencyMax", "period", "periodMax", "periodUnit", "dayOfWeek", "timeOfDay",
     "when", "offset", "count", "countMax", "duration", "durationMax", "durationUnit",
     "boundsDuration", "boundsRange", "boundsPeriod", "id", "extension"}
)  # fmt: skip


def schedule_text(timing: Any, words: TextCleaner) -> str:
    """A Timing as a phrase, or ''."""
    if not isinstance(timing, dict):
        return ""
    repeat = object_of(timing.get("repeat"))
    said = _said(timing, repeat, words)
    more = [_dates(timing), _extended(timing, repeat)]
    return " ".join(filter(None, (said, *more)))


def _said(timing: Mapping[str, Any], repeat: Mapping[str, Any], words: TextCleaner) -> str:
    if unread := _unread(repeat, words):
        return f"{_coded(timing, words)} (as sent: {unread})".lstrip()
    coded = _coded(timing, words)
    how_often = "" if coded and not _is_finer(repeat) else _how_often(repeat)
    return " ".join(filter(None, (how_often or coded, *_how_long(repeat, words))))


def _dates(timing: Mapping[str, Any]) -> str:
    """Dates are not told; that they were set, and how many, is."""
    dates = len(items(timing.get("event")))
    return f"on {dates} set {'date' if dates == 1 else 'dates'}" if dates else ""


def _extended(timing: Mapping[str, Any], repeat: Mapping[str, Any]) -> str:
    """What extensions add: days of a cycle or month; that there is more, of any other."""
    said = []
    for extension in (*objects(timing.get("extension")), *objects(repeat.get("extension"))):
        lead = table("schedules")["extensions"].get(string(extension.get("url")))
        parts = [*objects(extension.get("extension")), extension]
        days = [plain(n) for p in parts if (n := number(p.get("valueInteger"))) is not None]
        one = "day" if len(days) == 1 else "days"
        said.append(f"on {one} {joined(days)} of the {lead}" if lead and days else _MORE)
    return " ".join(dict.fromkeys(said))


_MORE = "(and what an extension says, which is not read)"


def joined(parts: list[str]) -> str:
    """A list in words: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _coded(timing: Mapping[str, Any], words: TextCleaner) -> str:
    """The words of the schedule's code: its own, else those of a known abbreviation."""
    sent = timing.get("code")
    written = wording(sent, words)
    known = table("schedules")["abbreviations"]
    for coding in codings(sent):
        code = string(coding.get("code"))
        plain_code = written.upper() in (code.upper(), f"CODE {code.upper()}")
        if plain_code and coding.get("system") == known["system"]:
            return str(known.get(code.lower(), written))
    return written


def _is_finer(repeat: Mapping[str, Any]) -> bool:
    """Whether it names days or times, which no code of a schedule does."""
    return any(repeat.get(name) for name in ("dayOfWeek", "timeOfDay", "when"))


def _unread(repeat: Mapping[str, Any], words: TextCleaner) -> str:
    """All of it as it was sent, when a part of it has no words; else ''."""
    unit, period = string(repeat.get("periodUnit")), number(repeat.get("period"))
    periodic = bool(repeat.get("period") or unit)
    odd = (
        any(name not in _READ and value for name, value in repeat.items())
        or _codes(repeat, "when") - set(table("schedules")["when"])
        or _codes(repeat, "dayOfWeek") - set(_days())
        or (periodic and (unit not in _PERIODS or period is None))
    )
    if not odd:
        return ""
    return "; ".join(f"{name} {said}" for name, v in repeat.items() if (said := _as_sent(v, words)))


def _as_sent(value: Any, words: TextCleaner) -> str:
    """Numbers and codes; anything longer or with blanks in it is no part of a schedule."""
    sent = (str(v) for v in items(value) if isinstance(v, (str, int, float)))
    return ", ".join(filter(None, (words.coded(v) for v in sent if _CODE.fullmatch(v))))


def _codes(repeat: Mapping[str, Any], name: str) -> set[str]:
    return {string(code).lower() for code in items(repeat.get(name))}


@cache
def _days() -> dict[str, str]:
    return dict(table("schedules")["days"])


def _how_often(repeat: Mapping[str, Any]) -> str:
    days = [word for day, word in _days().items() if day in _codes(repeat, "dayOfWeek")]
    times = _times_of_day(repeat)
    named = len(items(repeat.get("timeOfDay"))) + len(items(repeat.get("when")))
    parts = [_frequency(repeat, len(days), named)]
    if days:
        parts.append(f"on {joined(days)}")
    if times:
        parts.append(joined(times))
    return " ".join(filter(None, parts))


def _frequency(repeat: Mapping[str, Any], days: int, times: int) -> str:
    """How often, unless the days or times that follow say just that."""
    unit, period = string(repeat.get("periodUnit")), number(repeat.get("period"))
    if period is None:
        return ""
    often, most = number(repeat.get("frequency")), number(repeat.get("frequencyMax"))
    upper = number(repeat.get("periodMax"))
    alone = most is None and upper is None and period == 1
    if alone and unit == "d" and (often or 1) == max(times, 1) and (days or times):
        return ""
    if alone and unit == "wk" and (often or 1) == days:
        return ""
    return _every(often or 1.0, most, period, upper, unit)


def _every(often: float, most: float | None, period: float, upper: float | None, unit: str) -> str:
    count = f"{plain(often)} to {plain(most)} times" if most else _times(often)
    if period == 1 and upper is None and unit in _ADVERBS:
        return f"{count} {_ADVERBS[unit]}"
    lead = "" if often == 1 and not most else f"{count} "
    if period == 1 and upper is None:
        return f"{lead}every {_PERIODS[unit]}"
    length = f"{plain(period)} to {plain(upper)}" if upper else plain(period)
    return f"{lead}every {length} {_PERIODS[unit]}s"


def _times(often: float) -> str:
    return _OFTEN.get(often, f"{plain(often)} times")


def _times_of_day(repeat: Mapping[str, Any]) -> list[str]:
    clock = [string(t)[:5] for t in items(repeat.get("timeOfDay")) if string(t)]
    events = table("schedules")["when"]
    offset = number(repeat.get("offset"))
    lead = f"{_minutes(offset)} " if offset else ""
    sent = [string(code).lower() for code in items(repeat.get("when"))]
    said = [f"{lead}{events[code]}" for code in sent if code in events]
    return said + ([f"at {joined(clock)}"] if clock else [])


def _minutes(offset: float) -> str:
    whole = offset >= 60 and offset % 60 == 0
    return f"{plain(offset / 60)} h" if whole else f"{plain(offset)} min"


def _how_long(repeat: Mapping[str, Any], words: TextCleaner) -> Iterator[str]:
    """How long each time, how long in all, and how many times in all."""
    unit = _PERIODS.get(string(repeat.get("durationUnit")))
    if unit and (each := _span(repeat, "duration")):
        yield f"over {each} {unit}{'' if each == '1' else 's'}"
    bounds = object_of(repeat.get("boundsRange"))
    ends = [shown_quantity(bounds.get(end), words) for end in ("low", "high")]
    length = shown_quantity(repeat.get("boundsDuration"), words) or " to ".join(filter(None, ends))
    length = length or _period(object_of(repeat.get("boundsPeriod")))
    if length:
        yield f"for {length}"
    if count := _span(repeat, "count"):
        yield f"({count} {'time' if count == '1' else 'times'} in all)"


def _period(bounds: Mapping[str, Any]) -> str:
    """How long from the first day to the last, both included; '' of a period without an end."""
    try:
        start, end = (date.fromisoformat(string(bounds.get(e))[:10]) for e in ("start", "end"))
    except ValueError:
        return ""
    days = (end - start).days + 1
    return span(days) if days > 0 else ""


def _span(repeat: Mapping[str, Any], name: str) -> str:
    low, high = number(repeat.get(name)), number(repeat.get(f"{name}Max"))
    return " to ".join(plain(end) for end in (low, high) if end is not None)
