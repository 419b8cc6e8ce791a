"""Dates that all move by the same number of days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

__all__ = ["ANCHOR", "MovedDates"]

ANCHOR = date(2020, 1, 1)
"""The day on which every redacted request was made: what day it was is not told."""

# Born so many years before the year of the anchor, somebody is 90 on that day.
_OLDEST_YEARS = 91
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class MovedDates:
    """`now` is when the request was made, with a time zone. The time of day stays."""

    now: datetime

    @property
    def days(self) -> timedelta:
        """How far everything moves."""
        return ANCHOR - self.now.date()

    @property
    def moved_now(self) -> datetime:
        """When the request seems to have been made."""
        return self.now + self.days

    def move(self, text: str) -> str | None:
        """A FHIR date, dateTime or instant of the same precision; None for anything else."""
        match = _DATE.fullmatch(text)
        if match is None:
            return None
        year, month, day, rest = match.groups()
        try:
            # A year or month alone lies in its middle, as the mapping reads it.
            moved = date(int(year), int(month or 7), int(day or (15 if month else 1))) + self.days
        except (ValueError, OverflowError):
            return None
        written = moved.isoformat()
        return f"{written}{rest or ''}" if day else written[: 7 if month else 4]

    def move_birth(self, text: str) -> str | None:
        """A date of birth; of whoever is 90 and older, as if of 90."""
        moved = self.move(text)
        latest = ANCHOR.year - _OLDEST_YEARS
        if moved is None or int(moved[:4]) > latest:
            return moved
        return f"{latest}{moved[4:]}" if not moved.endswith("-02-29") else f"{latest}-02-28"
