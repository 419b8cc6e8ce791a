"""How the service is doing: figures of a period, each with how many cases it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from cds_hooks.audit.day_counts import Counts
from cds_hooks.statistics.drift import FlagDrift, drift_of
from cds_hooks.statistics.feedback_report import FeedbackReport, feedback_report
from cds_hooks.statistics.group_report import GroupRow, group_rows
from cds_hooks.statistics.period import Period
from cds_hooks.statistics.quantiles import Quantile, quantile
from cds_hooks.statistics.suppression import Share, share_of
from cds_hooks.statistics.tally import Tally, between, tally

__all__ = ["FlagShare", "Latency", "Report", "Step", "make_report"]

STAGES = ("total", "gather", "model")
PENDING = "pending"
FAILED = (
    "cancelled",
    "deadline",
    "engine-failed",
    "engine-unavailable",
    "invalid-output",
    "overloaded",
    "prompt-too-long",
)
"""Outcomes of consultations that have no answer and will have none."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long consultations with an answer took: in `stage`, with `model` or any ("")."""

    stage: str
    model: str
    median: Quantile
    p95: Quantile


@dataclass(frozen=True, slots=True)
class Step:
    """One day or week that begins on `start`: hooks that were answered, how many of them with a
    consultation still pending, how many without any card; consultations that ended, and failed."""

    start: str
    hooks: int
    pending: Share
    silent: Share
    consultations: int
    failed: Share
    latency: Latency | None


@dataclass(frozen=True, slots=True)
class FlagShare:
    """In how many of the consultations that can be read a flag was raised."""

    kind: str
    id: str
    share: Share


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one period. What says something of patients tells no count that is `small`."""

    first: str
    last: str
    weeks: int
    service: str
    smallest_count: int
    hooks: dict[str, int]
    cards: dict[str, Share]
    consultations: dict[str, int]
    latency: tuple[Latency, ...]
    steps: str
    over_time: tuple[Step, ...]
    flagged: Share
    contradicted: Share
    flags: tuple[FlagShare, ...]
    feedback: FeedbackReport
    groups: dict[str, tuple[GroupRow, ...]]
    drift: tuple[FlagDrift, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def make_report(counts: Counts, period: Period, *, service: str = "", least: int) -> Report:
    """The report of a period, of one service or of all (""). `least` is the smallest count of what
    says something of patients that is shown."""
    chosen = {key: more for key, more in counts.items() if service in ("", key[1])}
    chosen = {key: more for key, more in chosen.items() if _within(key[0], period)}
    total = tally(chosen)
    read = total.of("read")
    return Report(
        first=period.first.isoformat(),
        last=period.last.isoformat(),
        weeks=period.weeks,
        service=service,
        smallest_count=least,
        hooks=total.each("hook:"),
        cards={name: share_of(total.of(name), total.of("hook"), least) for name in _CARDS},
        consultations=total.each("ended:"),
        latency=_latencies(total),
        steps=period.steps,
        over_time=tuple(_steps(chosen, period, least)),
        flagged=share_of(total.of("flagged"), read, least),
        contradicted=share_of(total.of("contradicted"), read, least),
        flags=_flags(total, least),
        feedback=feedback_report(total, least),
        groups=group_rows(chosen, total, least, services=not service),
        drift=drift_of(_by_week(chosen, period), least),
    )


_CARDS = ("shown", "silent")


def _by_week(counts: Counts, period: Period) -> dict[str, Tally]:
    return {
        str(monday): tally(counts, between(str(monday), str(monday + timedelta(days=6))))
        for monday in period.mondays
    }


def _within(day: str, period: Period) -> bool:
    return period.first.isoformat() <= day <= period.last.isoformat()


def _latencies(total: Tally) -> tuple[Latency, ...]:
    models = (group for group in total.groups if group.startswith("model:"))
    asked = [("", "all"), *((group[6:], group) for group in models)]
    found = (_latency(total, stage, name, group) for name, group in asked for stage in STAGES)
    return tuple(each for each in found if each is not None)


def _latency(total: Tally, stage: str, model: str = "", group: str = "all") -> Latency | None:
    times = total.times(stage, group)
    median, p95 = quantile(times, 0.5), quantile(times, 0.95)
    return Latency(stage, model, median, p95) if median and p95 else None


def _steps(counts: Counts, period: Period, least: int) -> Sequence[Step]:
    return [
        _step(str(first), tally(counts, between(str(first), str(last))), least)
        for first, last in period.spans()
    ]


def _step(start: str, now: Tally, least: int) -> Step:
    hooks, ended = now.of("hook"), now.of("consultation")
    failed = sum(now.of(f"ended:{outcome}") for outcome in FAILED)
    return Step(
        start,
        hooks,
        share_of(now.of(f"hook:{PENDING}"), hooks, 1),
        share_of(now.of("silent"), hooks, least),
        ended,
        share_of(failed, ended, 1),
        _latency(now, "total"),
    )


def _flags(total: Tally, least: int) -> tuple[FlagShare, ...]:
    counted = total.each("flag:")
    ranked = sorted(counted, key=lambda flag: (-counted[flag], flag))
    read = total.of("read")
    return tuple(_flag(flag, share_of(counted[flag], read, least)) for flag in ranked)


def _flag(flag: str, share: Share) -> FlagShare:
    kind, _, id_ = flag.partition(":")
    return FlagShare(kind, id_, share)
