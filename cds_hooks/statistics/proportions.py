"""Shares of cases with their intervals, and whether two of them differ: published methods alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

__all__ = ["difference", "holm", "p_value", "wilson"]

_CONFIDENCE = 0.95


def wilson(hits: int, n: int, *, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """Score interval of a proportion (E. B. Wilson, J Am Stat Assoc 1927;22:209-212).

    Raises ValueError unless 0 <= hits <= n. Without cases nothing is known: 0 to 1.
    """
    if not 0 <= hits <= n:
        raise ValueError("hits are between 0 and n")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, square = hits / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    # At the ends the interval reaches 0 or 1 exactly; rounding must not leave it just short.
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == n else centre + half
    return low, high


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
