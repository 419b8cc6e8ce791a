"""A figure is never bare: it carries how many cases it rests on and its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cds_hooks.intervals import wilson

__all__ = ["Figure", "Floats", "bootstrap", "mean", "proportion"]

Floats = NDArray[np.float64]

_CONFIDENCE = 0.95
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A value in its own unit, the `n` cases behind it and a 95 % interval made by `method`.

    `value` is NaN where it is not defined, for instance with no cases at all.
    """

    value: float
    n: int
    low: float
    high: float
    method: str

    @property
    def known(self) -> bool:
        return not math.isnan(self.value)


def proportion(hits: int, n: int) -> Figure:
    """A share of cases with its Wilson interval."""
    low, high = wilson(hits, n)
    return Figure(hits / n if n else math.nan, n, low, high, "Wilson 95 %")


def mean(values: Sequence[float], *, seed: int = 0) -> Figure:
    """A mean over cases with its bootstrap interval."""
    return bootstrap(lambda chosen: float(np.mean(chosen[0])), [values], seed=seed)


def bootstrap(
    statistic: Callable[[tuple[Floats, ...]], float],
    columns: Sequence[Sequence[float]],
    *,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> Figure:
    """A statistic of cases with its percentile interval (B. Efron, Ann Stat 1979;7:1-26).

    `columns` are parallel: cases are drawn whole. Resamples in which the statistic is not defined
    (NaN) are left out; where all are, or without cases, the interval is NaN.
    """
    arrays = tuple(np.asarray(column, dtype=np.float64) for column in columns)
    n = len(arrays[0])
    method = f"bootstrap 95 %, {resamples} resamples, seed {seed}"
    if n == 0:
        return Figure(math.nan, 0, math.nan, math.nan, method)
    random = np.random.default_rng(seed)
    drawn = [
        statistic(tuple(a[chosen] for a in arrays))
        for chosen in random.integers(0, n, size=(resamples, n))
    ]
    low, high = _percentiles([d for d in drawn if not math.isnan(d)])
    return Figure(statistic(arrays), n, low, high, method)


def _percentiles(drawn: Sequence[float]) -> tuple[float, float]:
    if not drawn:
        return math.nan, math.nan
    tail = 100 * (1 - _CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return float(low), float(high)
