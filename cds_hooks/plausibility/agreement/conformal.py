"""The set of diagnoses that holds the truth at a chosen error rate: split conformal prediction.

V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World (2005), in the form of
A. N. Angelopoulos, S. Bates, arXiv 2107.07511: with the vote shares of cases whose truth is known,
find the share that a diagnosis must have to be in the set. For new cases that are drawn as those
were, the set holds the truth in at least 1 - `error` of them, whatever the model is worth; a site
whose patients differ has to calibrate on its own. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["calibrate", "conformal_set"]


def calibrate(truth_shares: Sequence[float], error: float) -> float | None:
    """The least share at which at most `error` of new truths are missed.

    `truth_shares` has, for each case, the share of votes that its truth had, 0 when nobody named
    it. None when there are too few cases or too many zeros. Raises ValueError for an `error` that
    is not between 0 and 1.
    """
    if not 0 < error < 1:
        raise ValueError("the error rate lies between 0 and 1")
    # Of the shares from high to low, the ceil((n + 1)(1 - error))-th; the one more is the new
    # case. Counted with a margin for rounding: 0.9 * 10 is 9, not 9.000000000000002.
    place = math.ceil((len(truth_shares) + 1) * (1 - error) - 1e-9)
    if place > len(truth_shares):
        return None
    least = sorted(truth_shares, reverse=True)[place - 1]
    return least if least > 0 else None


def conformal_set(shares: Mapping[str, float], share: float | None) -> tuple[str, ...] | None:
    """The diagnoses with at least this share, most votes first; None when it cannot be bounded."""
    if share is None:
        return None
    # Shares are quotients of small numbers: what differs in the last digit is the same share.
    held = [name for name, own in shares.items() if own >= share - 1e-9]
    return tuple(sorted(held, key=lambda name: -shares[name]))
