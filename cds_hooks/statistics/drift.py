"""Whether flags are raised more or less often than the week before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cds_hooks.statistics.proportions import difference, holm, p_value
from cds_hooks.statistics.suppression import Share
from cds_hooks.statistics.telling import Telling, shares_over_time

__all__ = ["ANY", "FlagDrift", "Week", "drift_of"]

ANY = "any"
"""The flag that stands for all: a consultation in which rules flagged anything."""

_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Week:
    """A flag's share in the week that begins on `week` (a Monday), and how it differs from the week
    before: in shares, with a 95 % interval. `p` is corrected for all comparisons of the report;
    `changed` where it is below 0.05. None where counts are too small to be shown or compared."""

    week: str
    share: Share
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    p: float | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class FlagDrift:
    """A flag (`KIND:ID`, or `any`) week by week."""

    flag: str
    weeks: tuple[Week, ...]

    @property
    def changed(self) -> tuple[Week, ...]:
        """The weeks that differ from the one before by more than chance lets expect."""
        return tuple(week for week in self.weeks if week.changed)


def drift_of(by_week: Mapping[str, Telling]) -> tuple[FlagDrift, ...]:
    """Each flag's weeks, `any` first. P values are corrected together by Holm's method."""
    flags = sorted({name for week in by_week.values() for name in week.own.names("flag:")})
    found = [FlagDrift(flag, _weeks(flag, by_week)) for flag in (ANY, *flags)]
    tested = [week.p for flag in found for week in flag.weeks if week.p is not None]
    corrected = iter(holm(tested))
    return tuple(
        replace(flag, weeks=tuple(_corrected(week, corrected) for week in flag.weeks))
        for flag in found
    )


def _corrected(week: Week, corrected: Iterator[float]) -> Week:
    if week.p is None:
        return week
    p = next(corrected)
    return replace(week, p=p, changed=p < _LEVEL)


def _weeks(flag: str, by_week: Mapping[str, Telling]) -> tuple[Week, ...]:
    measure = "flagged" if flag == ANY else f"flag:{flag}"
    told = shares_over_time(tuple(by_week.values()), measure, "read")
    before: list[Share | None] = [None, *told]
    return tuple(
        _week(monday, now, last) for monday, now, last in zip(by_week, told, before, strict=False)
    )


def _week(monday: str, now: Share, last: Share | None) -> Week:
    if last is None or not now.of or not last.of or now.count is None or last.count is None:
        return Week(monday, now)
    counts = (now.count, now.of, last.count, last.of)
    return Week(monday, now, *difference(*counts), p_value(*counts))
