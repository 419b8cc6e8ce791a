"""How long something has lasted, read from a sentence: "cough for 3 days", "a 2-month history of".

Only what is written as a number is read; "several weeks" and "long-standing" are left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Duration", "durations"]

_UNITS = {
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": 30.4,
    "year": 365.25,
}
_SHORT = {"min": "minute", "hr": "hour", "wk": "week", "mo": "month", "yr": "year"}
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: float(n) for n, word in enumerate((*_WORDS, "eleven", "twelve"))}
_NUMBERS |= {"a": 1.0, "an": 1.0}
_ONE = r"\d{1,3}(?:\.\d)?|" + "|".join(_NUMBERS)
_SPAN = re.compile(
    r"(?P<lead>\b(?:for|over|since|past|last|x|within|about|approximately|around|nearly|almost|"
    r"up to|history of|lasting|lasted|of|than|least|most|only|duration:?)\W+)?"
    rf"\b(?P<low>{_ONE})(?:\s*(?:-|to|or)\s*(?P<high>{_ONE}))?[\s-]*"
    r"(?P<unit>minute|min|hour|hr|day|week|wk|month|mo|year|yr)s?\b"
    r"(?P<tail>[\s-]+(?:history|ago|duration|course)|\s+of\b(?!\s+age))?",
    re.IGNORECASE,
)
_AGE = re.compile(r"^[\s-]*(?:old|of age)\b", re.IGNORECASE)
_MORE = re.compile(r"(?:more than|over|at least|longer than|greater than|>)\W*$", re.IGNORECASE)
_LESS = re.compile(r"(?:less than|up to|under|at most|shorter than|<)\W*$", re.IGNORECASE)
_RATE = re.compile(r"(?:every|per|each|times an?|times in|once an?|twice an?)\W*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Duration:
    """Days from `least` to `most`; None where the text leaves that side open."""

    least: float | None
    most: float | None


def durations(text: str) -> list[Duration]:
    """The lengths of time that a text tells, in its order; ages and rates are none."""
    return [d for hit in _SPAN.finditer(text) if (d := _read(hit, text)) is not None]


def _read(hit: re.Match[str], text: str) -> Duration | None:
    before = text[: hit.start("low")]
    told = hit["lead"] or hit["tail"]
    if not told or _AGE.match(text[hit.end() :]) or _RATE.search(before):
        return None
    unit = _UNITS[_SHORT.get(hit["unit"].lower(), hit["unit"].lower())]
    low, high = _number(hit["low"]) * unit, _number(hit["high"] or hit["low"]) * unit
    if _LESS.search(before):
        return Duration(None, high)
    return Duration(low, None if _MORE.search(before) else high)


def _number(text: str) -> float:
    return _NUMBERS.get(text.lower(), 0.0) if text.lower() in _NUMBERS else float(text)
