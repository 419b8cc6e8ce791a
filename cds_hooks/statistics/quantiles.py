"""Quantiles of durations that are kept as counts of rounded values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

__all__ = ["Quantile", "quantile", "rounded"]

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile in milliseconds, its 95 % interval, and of how many; a bound is None where so few
    values tell none."""

    ms: int
    low: int | None
    high: int | None
    n: int


def rounded(ms: float) -> int:
    """Milliseconds to two significant digits: at most 5 % off, and few different values."""
    return int(float(f"{round(max(ms, 0.0)):.2g}"))


def quantile(counts: Mapping[int, int], share: float) -> Quantile | None:
    """The value of nearest rank, between the order statistics that bound it.

    Ranks by the normal approximation of the binomial (W. J. Conover, Practical Nonparametric
    Statistics, 3rd ed. 1999, section 3.2), rounded outwards. None without values.
    """
    n = sum(counts.values())
    if not n:
        return None
    spread = _Z * math.sqrt(n * share * (1 - share))
    low, high = math.floor(n * share - spread), math.ceil(n * share + spread) + 1
    return Quantile(
        _ranked(counts, max(math.ceil(n * share), 1)),
        _ranked(counts, low) if low >= 1 else None,
        _ranked(counts, high) if high <= n else None,
        n,
    )


def _ranked(counts: Mapping[int, int], rank: int) -> int:
    """The value of this rank, from 1."""
    values = sorted(counts)
    below = accumulate(counts[value] for value in values)
    return next(value for value, upto in zip(values, below, strict=True) if upto >= rank)
