"""Reports of a store, as of now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cds_hooks.audit.day_counts import Position
from cds_hooks.audit.statistics_store import StatisticsStore
from cds_hooks.errors import ChartsideError
from cds_hooks.statistics.keeper import StatisticsKeeper
from cds_hooks.statistics.period import CHOICES, Period
from cds_hooks.statistics.report import Report, make_report
from cds_hooks.statistics.statistics_settings import StatisticsSettings

__all__ = ["ChoiceUnknown", "CountedReport", "StatisticsReports"]


# Enough for what came since the last look, and too little to be felt.
_WAIT_S = 0.1


class ChoiceUnknown(ChartsideError):
    """A period or a service that there is none of."""

    code = "statistics-choice-unknown"
    status = 400
    issue = "value"

    def __init__(self, where: str, known: str) -> None:
        super().__init__("this cannot be chosen", where=where, hint=f"Choose one of: {known}.")


@dataclass(frozen=True, slots=True)
class CountedReport:
    """A report, when it was made (UTC, RFC 3339), and how many records are not within it yet."""

    report: Report
    made: str
    not_counted: int

    def as_json(self) -> dict[str, Any]:
        """The whole as JSON values."""
        own = {"made": self.made, "not_counted_yet": self.not_counted}
        return {**own, **self.report.as_json()}


class StatisticsReports:
    """Reports of what is counted in a store, and the counting behind a running service."""

    def __init__(
        self,
        store: StatisticsStore,
        settings: StatisticsSettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._least = settings.smallest_count
        self._keeper = StatisticsKeeper(store)
        self._clock = clock
        self._made: dict[tuple[int, str], tuple[Position, Report]] = {}

    def kept(self) -> AbstractAsyncContextManager[None]:
        """Count what is recorded while the block runs."""
        return self._keeper.kept()

    async def report(self, weeks: int, service: str, services: tuple[str, ...]) -> CountedReport:
        """The report of so many weeks, of one of the `services` or of all ("").

        It is of what is counted already; the rest is asked to be counted. Raises ChoiceUnknown,
        StoreUnavailable, RecordUnreadable.
        """
        self.require(weeks, service, services)
        await self._keeper.nudge(_WAIT_S)
        now = datetime.fromtimestamp(self._clock(), UTC)
        period = Period(weeks, now.date())
        left = await self._store.left()
        report = await self._report(period, service)
        return CountedReport(report, f"{now:%Y-%m-%dT%H:%M:%SZ}", left)

    async def _report(self, period: Period, service: str) -> Report:
        """The report, made again only where something was counted since."""
        position, key = await self._store.position(), (period.weeks, service)
        if (made := self._made.get(key)) is not None:
            before, report = made
            if before == position and report.last == period.last.isoformat():
                return report
        counts = await self._store.days(period.first.isoformat(), period.last.isoformat())
        report = await asyncio.to_thread(
            make_report, counts, period, service=service, least=self._least
        )
        self._made[key] = (position, report)
        return report

    @staticmethod
    def require(weeks: int, service: str, services: tuple[str, ...]) -> None:
        """Raise ChoiceUnknown for a period or a service that there is none of."""
        if weeks not in CHOICES:
            raise ChoiceUnknown("weeks", ", ".join(map(str, CHOICES)))
        if service and service not in services:
            raise ChoiceUnknown("service", ", ".join(services))
