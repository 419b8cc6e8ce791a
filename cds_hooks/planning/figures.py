"""What simulated hours say: means over the replications, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from cds_hooks.planning.simulation import Run

__all__ = ["FIGURES", "Figure", "figures"]

# Student's t at 97.5 % by degrees of freedom (Fisher and Yates, Statistical Tables, 1963, III).
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
      2.052, 2.048, 2.045, 2.042)  # fmt: skip
_T_LARGE = 1.96


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over `n` replications, and the 95 % interval of that mean; None where one run tells
    nothing of it."""

    mean: float
    low: float | None
    high: float | None
    n: int


def figures(runs: Sequence[Run]) -> dict[str, Figure]:
    """Each of `FIGURES` by its name."""
    return {name: _figure([value(run) for run in runs]) for name, value in FIGURES.items()}


def _figure(values: Sequence[float]) -> Figure:
    n, mean = len(values), fmean(values)
    if n < 2:
        return Figure(mean, None, None, n)
    t = _T[n - 2] if n - 2 < len(_T) else _T_LARGE
    half = t * stdev(values) / n**0.5
    return Figure(mean, mean - half, mean + half, n)


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else 0.0


def _told(*words: str) -> Callable[[Run], float]:
    return lambda run: sum(map(run.told.count, words)) / max(len(run.told), 1)


def _ended(*outcomes: str) -> Callable[[Run], float]:
    def share(run: Run) -> float:
        ends = [question.outcome for question in run.questions]
        return sum(map(ends.count, outcomes)) / max(len(ends), 1)

    return share


FIGURES: dict[str, Callable[[Run], float]] = {
    "answered_an_hour": lambda run: 3600 * run.answered_a_second,
    "engines_busy": lambda run: run.busy,
    "queue_mean": lambda run: fmean(run.queued) if run.queued else 0.0,
    "queue_p95": lambda run: _percentile(run.queued, 95),
    "wait_p50_s": lambda run: _percentile(run.waits_s, 50),
    "wait_p95_s": lambda run: _percentile(run.waits_s, 95),
    "wait_p99_s": lambda run: _percentile(run.waits_s, 99),
    "answer_p50_s": lambda run: _percentile(run.answers_s, 50),
    "answer_p95_s": lambda run: _percentile(run.answers_s, 95),
    "answer_p99_s": lambda run: _percentile(run.answers_s, 99),
    "hooks_from_store": _told("stored"),
    "hooks_in_time": _told("answered"),
    "hooks_later": _told("later"),
    "hooks_shed": _told("overloaded", "refused"),
    "questions_shed": _ended("overloaded"),
    "questions_late": _ended("deadline"),
}
"""Shares are of hooks that showed cards, or of questions for the model; times are seconds."""
