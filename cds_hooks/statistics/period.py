"""The weeks that are looked at: whole ISO weeks in UTC, up to the one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["CHOICES", "Period", "week_of"]

CHOICES = (1, 4, 13, 26, 52)
"""Numbers of weeks to choose from. Whole weeks, so that two periods never differ by one day."""

_BY_DAY_UPTO = 4


@dataclass(frozen=True, slots=True)
class Period:
    """`weeks` weeks, the last of which has `today` in it."""

    weeks: int
    today: date

    @property
    def first(self) -> date:
        """A Monday."""
        return week_of(self.today) - timedelta(weeks=self.weeks - 1)

    @property
    def last(self) -> date:
        """Today."""
        return self.today

    @property
    def mondays(self) -> tuple[date, ...]:
        """Where each week begins, the first week first."""
        return tuple(self.first + timedelta(weeks=n) for n in range(self.weeks))

    @property
    def steps(self) -> str:
        """What one point of a plot over time is: a `day` of a short period, else a `week`."""
        return "day" if self.weeks <= _BY_DAY_UPTO else "week"

    def spans(self) -> Iterator[tuple[date, date]]:
        """First and last day of each step."""
        long = timedelta(days=1 if self.steps == "day" else 7)
        start = self.first
        while start <= self.last:
            yield start, min(start + long - timedelta(days=1), self.last)
            start += long


def week_of(day: date) -> date:
    """The Monday of the day's ISO week."""
    return day - timedelta(days=day.weekday())
