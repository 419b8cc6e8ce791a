"""FHIR dates as days before now. A calendar date never leaves this module.

`2019` and `2019-05` are read as the middle of the year or month; a date as a whole number of days;
a dateTime without a timezone as being in the timezone of `now`.
Source: https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from fhir_mapping.elements.json_values import items

__all__ = ["RelativeTimes"]

_DAY = timedelta(days=1)
_DATE_LENGTH = len("2019-05-17")


class RelativeTimes:
    """Reads dates relative to one `now` (timezone-aware). Keeps what it has read."""

    def __init__(self, now: datetime) -> None:
        if now.tzinfo is None:
            raise ValueError("now must be timezone-aware")
        self.now = now
        self._today = now.date()
        self._read: dict[str, float | None] = {}
        self.odd = False  # whether one had no time zone, or was not written as FHIR writes it

    def days_ago(self, value: object) -> float | None:
        """How many days before now this was; negative in the future; None if not understood.

        Accepts a date, dateTime or instant, and the elements a time is chosen from: a Period
        (its start, else its end), a Timing (its first event, else its bounds).
        """
        if isinstance(value, str):
            try:
                return self._read[value]
            except KeyError:
                read = self._read[value] = self._parse(value)
                return read
        if isinstance(value, dict):
            return self._of_element(value)
        return None

    def end_of(self, value: object) -> float | None:
        """How many days before now a Period ended, or None if it has no end."""
        return self.days_ago(value.get("end")) if isinstance(value, dict) else None

    def first_of(self, resource: Any, names: tuple[str, ...]) -> float | None:
        """The first of these elements that can be read as a time."""
        for name in names:
            value = resource.get(name)
            if value is not None:
                known = self._read.get(value) if isinstance(value, str) else None
                read = self.days_ago(value) if known is None else known
                if read is not None:
                    return read
        return None

    def _of_element(self, value: dict[str, Any]) -> float | None:
        for candidate in (value.get("start"), value.get("end"), *items(value.get("event"))):
            if isinstance(candidate, str):
                read = self.days_ago(candidate)
                if read is not None:
                    return read
        repeat = value.get("repeat")
        bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
        if not isinstance(bounds, dict):
            return None
        read = self.days_ago(bounds.get("start"))
        return read if read is not None else self.days_ago(bounds.get("end"))

    def _parse(self, value: str) -> float | None:
        try:
            return self._since(value)
        except (ValueError, OverflowError):
            self.odd = True
            return self._since_repaired(value)

    def _since(self, value: str) -> float:
        if len(value) <= _DATE_LENGTH:
            return float(self._days_since(*_read_date(value)))
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            self.odd = True
            moment = moment.replace(tzinfo=self.now.tzinfo)
        return (self.now - moment) / _DAY

    def _days_since(self, begin: date, middle: date) -> int:
        """Days since the middle of what was named, but now if now lies within it."""
        days = (self._today - middle).days
        return 0 if days < 0 and begin <= self._today else days

    def _since_repaired(self, value: str) -> float | None:
        """`2023-08-01T16: 09: 08.000Z` and more than microseconds have been seen."""
        compact = value.replace(" ", "") if "T" in value else value.strip()
        whole, dot, fraction = compact.partition(".")
        if dot:
            digits = len(fraction) - len(fraction.lstrip("0123456789"))
            compact = whole + fraction[digits:]
        if not compact or compact == value:
            return None
        try:
            return self._since(compact)
        except (ValueError, OverflowError):
            return None


def _read_date(value: str) -> tuple[date, date]:
    """First and middle day of `YYYY`, `YYYY-MM` or `YYYY-MM-DD` (ISO week dates are not FHIR)."""
    if len(value) == _DATE_LENGTH and value[4] == value[7] == "-":
        day = date.fromisoformat(value)
        return day, day
    if len(value) == 7 and value[4] == "-":
        year, month = int(value[:4]), int(value[5:])
        return date(year, month, 1), date(year, month, 15)
    if len(value) == 4 and value.isdigit():
        return date(int(value), 1, 1), date(int(value), 7, 1)
    raise ValueError("not a FHIR date")
