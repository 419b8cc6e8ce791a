"""The plots of the page, made of the same figures as its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from cds_hooks.console.plots import Bar, Plot, Point, Series, bar_plot, line_plot
from cds_hooks.console.statistics import words
from cds_hooks.statistics.drift import FlagDrift
from cds_hooks.statistics.quantiles import Quantile
from cds_hooks.statistics.report import FlagShare, Step
from cds_hooks.statistics.suppression import Share

__all__ = ["answers_plot", "cards_plot", "drift_plot", "flags_plot", "latency_plot", "trouble_plot"]

_MOST_BARS = 15


def answers_plot(steps: Sequence[Step]) -> Plot:
    """How much was asked."""
    hooks = tuple(Point(_at(step.start), step.hooks) for step in steps)
    ended = tuple(Point(_at(step.start), step.consultations) for step in steps)
    series = (Series("hooks answered", hooks), Series("consultations that ended", ended))
    return line_plot(series, title="Answers over time")


def trouble_plot(steps: Sequence[Step]) -> Plot:
    """Which share came late, and which failed."""
    series = (
        Series(
            "hooks answered while the consultation was pending", _line(steps, lambda s: s.pending)
        ),
        Series("consultations that failed", _line(steps, lambda s: s.failed)),
    )
    return line_plot(series, title="Pending and failed over time, with 95 % intervals", unit="%")


def latency_plot(steps: Sequence[Step]) -> Plot:
    """How long answers took."""
    median = _told(_time(step, step.latency.median if step.latency else None) for step in steps)
    p95 = _told(_time(step, step.latency.p95 if step.latency else None) for step in steps)
    series = (Series("median", median), Series("95th percentile", p95))
    return line_plot(series, title="Time to an answer over time, with 95 % intervals", unit="s")


def cards_plot(silent: Mapping[str, Share]) -> Plot:
    """Which share of hooks got no card, by week."""
    points = _told(_point(week, share) for week, share in silent.items())
    title = "Silent answers week by week, with 95 % intervals"
    return line_plot((Series("hooks without a card", points),), title=title, unit="%")


def flags_plot(flags: Sequence[FlagShare]) -> Plot:
    """The flags raised most often, of those that may be shown."""
    bars = [_bar(each) for each in flags if each.share.share is not None]
    title = "Flags raised most often, in % of consultations, with 95 % intervals"
    return bar_plot(bars[:_MOST_BARS], title=title, unit="%")


def _bar(flag: FlagShare) -> Bar:
    share = flag.share
    value, low, high = (_round(part or 0.0) for part in (share.share, share.low, share.high))
    return Bar(flag.id, value, low, high, words.percent(share))


def drift_plot(drift: FlagDrift, name: str) -> Plot:
    """One flag week by week."""
    points = _told(_point(week.week, week.share) for week in drift.weeks)
    return line_plot(
        (Series(name, points),), title=f"{name}, week by week, with 95 % intervals", unit="%"
    )


def _line(steps: Sequence[Step], share_of: Callable[[Step], Share]) -> tuple[Point, ...]:
    return _told(_point(step.start, share_of(step)) for step in steps)


def _told(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points; none where no value may be shown, so that the plot says so."""
    found = tuple(points)
    return found if any(point.value is not None for point in found) else ()


def _point(start: str, share: Share) -> Point:
    if share.share is None or share.low is None or share.high is None:
        return Point(_at(start), None)
    return Point(_at(start), _round(share.share), _round(share.low), _round(share.high), share.of)


def _round(part: float) -> float:
    return round(100 * part, 1)


def _time(step: Step, found: Quantile | None) -> Point:
    if found is None:
        return Point(_at(step.start), None)
    low, high = (None if ms is None else ms / 1000 for ms in (found.low, found.high))
    return Point(_at(step.start), found.ms / 1000, low, high, found.n)


def _at(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
