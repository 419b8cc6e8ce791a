"""The choice of one token from logits: temperature, top-k, top-p and min-p over what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sampling", "choose", "log_softmax"]

_COLDEST = 1e-3  # below it the most likely token is as good as certain
_FEW = 256


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw. A temperature near 0 takes the most likely token; `top_k` 0 is no limit.

    `no_repeat` is the length of the runs of tokens that free text may not hold twice; 0 is off.
    """

    temperature: float = 0.7
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    no_repeat: int = 0


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
    weight = np.exp(scaled - scaled.max())
    kept = _kept(weight, how)
    reached = np.cumsum(weight[kept])
    at = int(np.searchsorted(reached, random.random() * reached[-1], side="right"))
    return int(kept[min(at, len(kept) - 1)])


def _kept(weight: NDArray[np.float64], how: Sampling) -> NDArray[np.intp]:
    """Indices that stay in the draw: all of them, or the heaviest by falling weight."""
    if how.top_p >= 1 and how.top_k <= 0 and how.min_p <= 0:
        return np.arange(len(weight))
    total = weight.sum()
    if len(weight) > 4 * _FEW:  # the heaviest few nearly always do, and spare a sort of them all
        few = np.sort(np.argpartition(-weight, _FEW)[:_FEW])
        few = few[np.argsort(-weight[few], kind="stable")]
        count = _cut(weight[few] / total, how)
        if count < _FEW:
            return few[:count]
    order = np.argsort(-weight, kind="stable")
    return order[: _cut(weight[order] / total, how)]


def _cut(chance: NDArray[np.float64], how: Sampling) -> int:
    """How many of the descending probabilities stay."""
    count = len(chance) if how.top_k <= 0 else min(how.top_k, len(chance))
    if how.top_p < 1:
        count = min(count, int(np.searchsorted(np.cumsum(chance), how.top_p)) + 1)
    if how.min_p > 0:
        count = min(count, int(np.count_nonzero(chance >= how.min_p * chance[0])))
    return max(count, 1)
