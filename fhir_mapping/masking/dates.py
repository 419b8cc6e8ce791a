"""Calendar dates in text: the patient's own birthday hidden, others told relative to now.

A date that can be read in one way only becomes "[3 days ago]", one that can be read in two ways
"[date]", a number that is no day stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fhir_mapping.elements.phrasing import ago
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking.calendar import (
    Day,
    day_of,
    eras,
    kanji_number,
    months,
    months_between_signs,
    years_of,
)
from fhir_mapping.masking.date_patterns import (
    EAST_ASIAN,
    ERA,
    GERMAN_DAY,
    MONTH_FIRST,
    NUMERIC,
    WORDED,
)
from fhir_mapping.masking.signs import UNIT

__all__ = ["Dates"]

_UNIT_FOLLOWS = re.compile(UNIT)
_BORN_BEFORE = re.compile(
    r"(?:dob|d\.o\.b\.?|born(?: on)?|birth(?: ?date|day)?|geb(?:oren|urtsdatum)?\.?|\*"
    r"|n[ée]e?\(?e?\)?(?: le)?|naissance|nat[oa](?: il)?|nascita|nacid[oa](?: el)?|nacimiento"
    r"|nascid[oa](?: em)?|nascimento|f\.?n\.?|dn|生年月日|出生(?:日期|年月日)?|生日|생년월일)"
    r"[\s:：.=(-]{0,4}$",
    re.IGNORECASE,
)
_GERMAN_BEFORE = re.compile(r"\b(?:am|vom|seit|ab|bis|zum|den|der)\s$")
_VERSION_BEFORE = re.compile(
    r"(?:\bv|version|ver\.?|section|chapter|abschnitt|kapitel|step|item|§|#)[ .]?$", re.IGNORECASE
)
_DOUBTFUL_MONTHS = {"march", "marco", "sett"}


class Dates:
    """Masks dates, one patient's birthday (year, month, day; None if unknown) among them."""

    def __init__(self, times: RelativeTimes, born: Day | None) -> None:
        self._times = times
        self._born = born
        self._year = times.now.year

    def mask(self, text: str) -> str:
        """The text without calendar dates. Years alone stay."""
        if not text.isascii():
            text = EAST_ASIAN.sub(self._east_asian, text)
        text = ERA.sub(self._era, text)
        text = NUMERIC.sub(self._numeric, text)
        if _has_month(text.lower()):
            text = WORDED.sub(self._worded, text)
            text = MONTH_FIRST.sub(self._month_first, text)
        return GERMAN_DAY.sub(self._german, text) if "." in text else text

    def _told(self, match: re.Match[str], readings: Iterable[Day | None], sure: bool = True) -> str:
        days = {day for day in readings if day}
        if not days:
            return match[0]
        if self._is_birthday(days):
            return "[patient]"
        return self._relative(*days.pop()) if sure and len(days) == 1 else "[date]"

    def _is_birthday(self, readings: Iterable[Day | None]) -> bool:
        return self._born is not None and self._born in readings

    def _relative(self, year: int, month: int, day: int | None = None) -> str:
        written = f"{year:04}-{month:02}" + (f"-{day:02}" if day else "")
        since = self._times.days_ago(written)
        return "[date]" if since is None else f"[{ago(since)}]"

    def _without_year(self, match: re.Match[str], month: int, day: int, sure: bool) -> str:
        if day_of(2000, month, day) is None:
            return match[0]
        if self._born and self._born[1:] == (month, day):
            return "[patient]"
        return "[date]" if sure else match[0]

    def _worded(self, match: re.Match[str]) -> str:
        if match["y1"]:
            return self._told(
                match, [day_of(int(match["y1"]), months()[match["m1"].lower()], int(match["d1"]))]
            )
        if match["m3"]:
            name, year = match["m3"].lower(), match["y3"]
            if set(name) <= set("ivx") and len(year) != 4:
                return match[0]  # "5-IV-10" is no date
            month = months_between_signs()[name]
            return self._told(match, [day_of(self._years(year), month, int(match["d3"]))])
        return self._day_first(match)

    def _day_first(self, match: re.Match[str]) -> str:
        name, day, year = match["m2"], int(match["d2"]), match["y2"]
        month = months()[name.lower()]
        if year and not (len(year) == 2 and _unit_follows(match)):
            return self._told(match, [day_of(self._years(year), month, day)])
        sure = _is_written_as_month(name)
        told = self._without_year(match, month, day, sure)
        rest = match[0][match.end("m2") - match.start() :] if year else ""
        return told if told == match[0] else told + rest

    def _month_first(self, match: re.Match[str]) -> str:
        name = match["m"]
        month = months()[name.lower()]
        if match["y"]:
            return self._relative(int(match["y"]), month)
        day, year = int(match["d"]), match["year"]
        if _unit_follows(match):
            return match[0]
        if year:
            return self._told(match, [day_of(self._years(year), month, day)])
        spaced = match.end("m") < match.start("d")  # "Oct4" is a gene
        return self._without_year(match, month, day, spaced and _is_written_as_month(name))

    def _years(self, written: str) -> int:
        return years_of(written.lstrip("'’"), self._year)

    def _numeric(self, match: re.Match[str]) -> str:
        if match["iso"]:
            return self._iso(match)
        if match["y4"]:
            return self._told(
                match, self._either(match["a"], match["b"], int(match["y4"]), match["s2"])
            )
        if match["c"]:
            return self._short(match)
        if match["month"]:
            return self._relative(int(match["of"]), int(match["month"]))
        if match["year_month"]:
            return "[date]"
        return self._spaced(match) if match["spaced"] else self._compact(match)

    def _iso(self, match: re.Match[str]) -> str:
        day = day_of(int(match["iso"]), int(match["iso_m"]), int(match["iso_d"]))
        if day is None or not match["time"]:
            return self._told(match, [day])
        since = self._times.days_ago(match[0])
        return "[date]" if since is None else f"[{ago(since)}]"

    def _either(self, first: str, second: str, year: int, sign: str) -> list[Day | None]:
        """Day and month in either order; with dots the day is first everywhere."""
        day_first = day_of(year, int(second), int(first))
        return [day_first] if sign == "." else [day_first, day_of(year, int(first), int(second))]

    def _short(self, match: re.Match[str]) -> str:
        """Two signs and a year of two digits, or of the Republic of China before them."""
        readings = list(self._short_readings(match))
        if self._is_birthday(readings):
            return "[patient]"
        minguo = len(match["c"]) == 3 and int(match["c"]) < self._year - 1911 + 2
        if minguo and len(match["e"]) == len(match["f"]) == 2:
            return self._told(match, [day for day in readings if day and day[0] > 2000])
        if (
            len(match["f"]) != 2
            or len(match["c"]) == 3
            or not any(readings)
            or _unit_follows(match)
        ):
            return match[0]
        return match[0] if self._is_other(match) else "[date]"

    def _is_other(self, match: re.Match[str]) -> bool:
        sign = match["s3"]
        before = match.string[max(0, match.start() - 12) : match.start()]
        if sign == "." and (_VERSION_BEFORE.search(before) or not 1 <= int(match["e"]) <= 12):
            return True
        return sign not in "./" and not len(match["c"]) == len(match["e"]) == 2

    def _short_readings(self, match: re.Match[str]) -> Iterator[Day | None]:
        first, second, third = match["c"], match["e"], match["f"]
        if len(third) == 2 and len(first) < 3:
            yield day_of(self._years(third), int(second), int(first))
            yield day_of(self._years(third), int(first), int(second))
        if len(first) == 2:
            yield day_of(self._years(first), int(second), int(third))
        if len(first) > 1:
            yield day_of(1911 + int(first), int(second), int(third))

    def _spaced(self, match: re.Match[str]) -> str:
        """Numbers between blanks are a date only where they are the birthday."""
        first, second, third = re.findall(r"[0-9]+", match[0])
        if len(first) == 4:
            first, second, third = third, second, first
        orders = self._either(first, second, self._years(third), " ")
        return "[patient]" if self._is_birthday(orders) else match[0]

    def _compact(self, match: re.Match[str]) -> str:
        digits = match["compact"]
        if self._born and digits in _compacted(self._born):
            before = match.string[max(0, match.start() - 24) : match.start()]
            if len(digits) == 8 or _BORN_BEFORE.search(before):
                return "[patient]"
        if len(digits) == 8 and digits[:2] in ("19", "20") and not _unit_follows(match):
            return self._told(match, [day_of(int(digits[:4]), int(digits[4:6]), int(digits[6:]))])
        return match[0]

    def _east_asian(self, match: re.Match[str]) -> str:
        if match["m3"]:
            month, day = kanji_number(match["m3"]), kanji_number(match["d3"])
            return self._without_year(match, month or 0, day or 0, sure=True)
        era, year, month = match["era"], kanji_number(match["y"]), kanji_number(match["m"])
        day = kanji_number(match["d"] or "")
        if year is None or month is None:
            return match[0]
        if day is None:
            known = self._with_era(era, year)
            return self._relative(known, month) if known and day_of(known, month, 1) else match[0]
        if era:
            return self._told(match, [day_of(eras()[era] + year, month, day)])
        return self._told(match, [day_of(y, month, day) for y in self._possible(year)])

    def _era(self, match: re.Match[str]) -> str:
        """ "S58.8.25"; "T2.1.0" may be a stage, so that Taisho is read for birthdays only."""
        day = day_of(eras()[match["era"]] + int(match["y"]), int(match["m"]), int(match["d"]))
        return match[0] if match["era"] == "T" and day != self._born else self._told(match, [day])

    def _with_era(self, era: str | None, year: int) -> int | None:
        if era:
            return eras()[era] + year
        return year if year > 1800 else None

    def _possible(self, year: int) -> list[int]:
        """Of two or three digits: of the century, or of the Republic of China."""
        if year > 999:
            return [year]
        return [1911 + year] if year > 99 else [years_of(f"{year:02}", self._year), 1911 + year]

    def _german(self, match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - 5) : match.start()]
        if not _GERMAN_BEFORE.search(before):
            return match[0]
        return self._without_year(match, int(match["m"]), int(match["d"]), sure=True)


def _is_written_as_month(name: str) -> bool:
    """Whether a name alone, without a year, is a month: not OCT, optical coherence tomography."""
    return name.istitle() or (len(name) > 4 and name.lower() not in _DOUBTFUL_MONTHS)


def _unit_follows(match: re.Match[str]) -> bool:
    return _UNIT_FOLLOWS.match(match.string, match.end()) is not None


def _compacted(born: Day) -> set[str]:
    year, month, day = f"{born[0]:04}", f"{born[1]:02}", f"{born[2]:02}"
    return {
        form
        for y in (year, year[2:])
        for form in (y + month + day, day + month + y, month + day + y)
    }


def _has_month(lowered: str) -> bool:
    """Whether a month stands beside a digit: true of all that the slower patterns find."""
    return _MONTH_AND_DIGIT.search(lowered) is not None


_STEMS = "|".join(
    sorted({name[:3] for name in (*months(), *months_between_signs()) if len(name) > 2})
)

_MONTH_AND_DIGIT = re.compile(
    rf"(?:{_STEMS})[^\W\d_]{{0,8}}[^0-9a-z]{{0,5}}(?:(?:the|of|de|del)[ ])?['’]?[0-9]"
    rf"|[0-9]\.?[/-]?[ivx]{{1,4}}[./-][0-9]"
    rf"|[0-9][^\W\d_]{{0,3}}[^0-9a-z]{{0,8}}(?:(?:the|of|de|del|d['’])[ \n]?)?(?:{_STEMS})"
)
