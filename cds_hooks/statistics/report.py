"""How the service is doing: figures of a period, each with how many cases it rests on."""

from __future__ import annotations

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
from cds_hooks.statistics.telling import Telling, shares_over_time, telling

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
    consultation still pending; consultations that ended, and how many of them failed."""

    start: str
    hooks: int
    pending: Share
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
    """The figures of one period, also step by step (`steps` are days or weeks) and by
    week, named by its Monday. Of one service there are no `groups`: they could be worked out from
    those of all services and of the others. What
    says something of patients tells no count below `smallest_count`."""

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
    silent_by_week: dict[str, Share]
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
    within = {key: more for key, more in counts.items() if _within(key[0], period)}
    chosen = {key: more for key, more in within.items() if service in ("", key[1])}
    told = telling(within, service, least, lambda _day, _service: True)
    weeks = _by_week(within, period, service, least)
    return Report(
        first=period.first.isoformat(),
        last=period.last.isoformat(),
        weeks=period.weeks,
        service=service,
        smallest_count=least,
        hooks=told.own.each("hook:"),
        cards={name: told.share(name, "hook") for name in _CARDS},
        consultations=told.own.each("ended:"),
        latency=_latencies(told.own),
        steps=period.steps,
        over_time=_steps(chosen, period),
        silent_by_week=dict(
            zip(weeks, shares_over_time(tuple(weeks.values()), "silent", "hook"), strict=True)
        ),
        flagged=told.share("flagged", "read"),
        contradicted=told.share("contradicted", "read"),
        flags=_flags(told),
        feedback=feedback_report(told),
        groups={} if service else group_rows(chosen, told.own, least),
        drift=drift_of(weeks),
    )


_CARDS = ("shown", "silent")


def _by_week(counts: Counts, period: Period, service: str, least: int) -> dict[str, Telling]:
    return {
        str(monday): telling(
            counts, service, least, between(str(monday), str(monday + timedelta(days=6)))
        )
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


def _steps(counts: Counts, period: Period) -> tuple[Step, ...]:
    return tuple(
        _step(str(first), tally(counts, between(str(first), str(last))))
        for first, last in period.spans()
    )


def _step(start: str, now: Tally) -> Step:
    hooks, ended = now.of("hook"), now.of("consultation")
    failed = sum(now.of(f"ended:{outcome}") for outcome in FAILED)
    return Step(
        start,
        hooks,
        share_of(now.of(f"hook:{PENDING}"), hooks, 1),
        ended,
        share_of(failed, ended, 1),
        _latency(now, "total"),
    )


def _flags(told: Telling) -> tuple[FlagShare, ...]:
    counted = told.own.each("flag:")
    ranked = sorted(counted, key=lambda flag: (-counted[flag], flag))
    return tuple(_flag(flag, told.share(f"flag:{flag}", "read")) for flag in ranked)


def _flag(flag: str, share: Share) -> FlagShare:
    kind, _, id_ = flag.partition(":")
    return FlagShare(kind, id_, share)
