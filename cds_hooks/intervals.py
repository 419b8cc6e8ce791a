"""Intervals of shares: a share is never shown without how sure it is."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["wilson"]


def wilson(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
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
