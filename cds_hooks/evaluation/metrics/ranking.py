"""Where the truth stands in an ordered list of answers. Ranks count from 1; None is not in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from cds_hooks.evaluation.metrics.figures import Figure, mean, proportion

__all__ = ["mean_reciprocal_rank", "pass_at_k", "rank", "top"]

Gold = TypeVar("Gold")
Answer = TypeVar("Answer")


def rank(
    gold: Gold, answers: Sequence[Answer], matches: Callable[[Gold, Answer], bool]
) -> int | None:
    """The place of the first answer that the match rule takes for the truth."""
    return next((i for i, a in enumerate(answers, start=1) if matches(gold, a)), None)


def top(ranks: Sequence[int | None], k: int) -> Figure:
    """The share of cases whose truth stands among the first `k` answers."""
    return proportion(sum(r is not None and r <= k for r in ranks), len(ranks))


def mean_reciprocal_rank(ranks: Sequence[int | None], *, seed: int = 0) -> Figure:
    """The mean of 1/rank, 0 where the truth is not in the list."""
    return mean([0.0 if r is None else 1 / r for r in ranks], seed=seed)


def pass_at_k(right: Sequence[int], samples: Sequence[int], k: int, *, seed: int = 0) -> Figure:
    """The chance that one of `k` samples is right, of which `right` of `samples` were.

    Unbiased estimator of M. Chen et al., arXiv 2107.03374 (2021). With as many samples as `k` it
    is simply whether any was right. Raises ValueError for a case with fewer than `k` samples.
    """
    pairs = list(zip(right, samples, strict=True))
    if any(n < k or not 0 <= c <= n for c, n in pairs):
        raise ValueError("each case needs at least k samples, and no more right than there are")
    if all(n == k for _, n in pairs):
        return proportion(sum(c > 0 for c, _ in pairs), len(pairs))
    return mean([1 - math.comb(n - c, k) / math.comb(n, k) for c, n in pairs], seed=seed)
