"""The choice of one token from logits: temperature, top-k, top-p and min-p over what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sampling", "choose", "log_softmax"]

_COLDEST = 1e-3  # below it the most likely token is as good as certain
_NEGLIGIBLE = 20.0  # e^-20 times a vocabulary of 10^5 is 2e-4 of the most likely token's mass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw. A temperature near 0 takes the most likely token; `top_k` 0 is no limit."""

    temperature: float = 0.7
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities over the whole vocabulary."""
    wide = logits.astype(np.float64)
    wide -= wide.max()
    wide -= np.log(np.exp(wide).sum())
    return wide


def choose(logits: NDArray[np.floating], how: Sampling, random: np.random.Generator) -> int:
    """The index that is drawn from `logits`; exactly one random number is used unless greedy.

    Ties are broken by the lower index, so the same input gives the same token everywhere.
    """
    if how.temperature < _COLDEST or len(logits) == 1:
        return int(np.argmax(logits))
    scaled = logits.astype(np.float64) / how.temperature
    kept = np.flatnonzero(scaled >= scaled.max() - _NEGLIGIBLE)
    order = kept[np.argsort(-scaled[kept], kind="stable")]
    chance = np.exp(scaled[order] - scaled[order[0]])
    chance /= chance.sum()
    count = _cut(chance, how)
    reached = np.cumsum(chance[:count])
    at = int(np.searchsorted(reached, random.random() * reached[-1], side="right"))
    return int(order[min(at, count - 1)])


def _cut(chance: NDArray[np.float64], how: Sampling) -> int:
    """How many of the descending probabilities stay."""
    count = len(chance) if how.top_k <= 0 else min(how.top_k, len(chance))
    if how.top_p < 1:
        count = min(count, int(np.searchsorted(np.cumsum(chance), how.top_p)) + 1)
    if how.min_p > 0:
        count = min(count, int(np.count_nonzero(chance >= how.min_p * chance[0])))
    return max(count, 1)
