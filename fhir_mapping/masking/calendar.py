"""Days as people write them: names of months, years of two digits, eras, Chinese numerals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache

from fhir_mapping.tables import table

__all__ = ["Day", "day_of", "eras", "kanji_number", "months", "months_between_signs", "years_of"]

Day = tuple[int, int, int]
"""Year, month, day."""

_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0, "元": 1}
_TENS = "十"


@cache
def months() -> dict[str, int]:
    """Every name of a month, in lower case, and its number."""
    return dict(_numbered("names"))


@cache
def months_between_signs() -> dict[str, int]:
    """Names that are read as months between hyphens, dots or slashes only."""
    return dict(_numbered("names_between_signs"))


def _numbered(key: str) -> Iterator[tuple[str, int]]:
    for language in table("months")[key].values():
        for number, names in enumerate(language, 1):
            for name in names:
                yield name, number


@cache
def eras() -> dict[str, int]:
    """The year before the first one of each era."""
    return dict(table("months")["eras"])


def years_of(digits: str, this_year: int) -> int:
    """The year that one to four digits stand for; of two, the latest that is not to come."""
    year = int(digits)
    if len(digits) > 2:
        return year
    century = this_year // 100 * 100
    return century + year if century + year <= this_year + 1 else century - 100 + year


def day_of(year: int, month: int, day: int) -> Day | None:
    """The day, or None where there is no such day."""
    try:
        date(year, month, day)
    except (ValueError, OverflowError):
        return None
    return year, month, day


def kanji_number(text: str) -> int | None:
    """A number in digits, in Chinese numerals ("五十八") or "元", the first; None if it is none."""
    if text.isdigit() and text.isascii():
        return int(text)
    if _TENS in text:
        tens, _, ones = text.partition(_TENS)
        if len(tens) > 1 or len(ones) > 1 or any(c not in _DIGITS for c in tens + ones):
            return None
        return _DIGITS.get(tens, 1) * 10 + _DIGITS.get(ones, 0)
    if not text or any(c not in _DIGITS for c in text):
        return None
    return int("".join(str(_DIGITS[c]) for c in text))
