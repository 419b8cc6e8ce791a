"""Shares of cases with their intervals, and whether two of them differ: published methods alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cds_hooks.intervals import wilson

__all__ = ["difference", "holm", "p_value"]


def difference(hits: int, n: int, before: int, n_before: int) -> tuple[float, float, float]:
    """The share now minus the share before, and its 95 % interval.

    Method 10 of R. G. Newcombe, Stat Med 1998;17:873-890: made of both Wilson intervals. Raises
    ValueError without cases.
    """
    if not (n and n_before):
        raise ValueError("both shares need cases")
    now, earlier = hits / n, before / n_before
    (low, high), (low_before, high_before) = wilson(hits, n), wilson(before, n_before)
    down = math.hypot(now - low, high_before - earlier)
    up = math.hypot(high - now, earlier - low_before)
    return now - earlier, now - earlier - down, now - earlier + up


def p_value(hits: int, n: int, before: int, n_before: int) -> float | None:
    """How likely so large a difference is where there is none: the "N - 1" chi-squared test.

    I. Campbell, Stat Med 2007;26:3661-3675, whose condition is that every expected number is at
    least 1; None where it is not met.
    """
    total, found = n + n_before, hits + before
    expected = [side * part / total for side in (n, n_before) for part in (found, total - found)]
    if min(expected) < 1:
        return None
    cross = hits * (n_before - before) - before * (n - hits)
    square = (total - 1) * cross**2 / (n * n_before * found * (total - found))
    return math.erfc(math.sqrt(square / 2))


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """P values corrected for their number, in the order given (S. Holm, Scand J Stat
    1979;6:65-70)."""
    adjusted, largest = [0.0] * len(values), 0.0
    ranked = sorted(range(len(values)), key=values.__getitem__)
    for rank, place in enumerate(ranked):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return tuple(adjusted)
