"""The choice of one token from logits: temperature, then top-k, top-p, min-p, of what is allowed.

Each narrows what the one before left, as in the samplers of Transformers and vLLM. What makes
the choice fast over a whole vocabulary does not change it: single precision is used only to find
and to add up, the heaviest few are weighed again in double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.worker.decoding.token_mask import TokenMask

__all__ = ["LogitsUnusable", "Sampling", "TokenSampler", "choose", "log_total"]

_COLDEST = 1e-3  # below it the most likely token is as good as certain
_FEW = 256
_NONE = -1
_COLUMNS = 1024
_FLOOR = np.float32(-75)  # its exponential is 3e-33
_NOTHING = np.float32(1e-32)  # all of a vocabulary's are no millionth of what a random number tells
Floats = NDArray[np.float32]
Weights = NDArray[np.float64]
Indices = NDArray[np.intp]


class LogitsUnusable(ArithmeticError):
    """Logits that are no numbers: the file is damaged, or this build computes it wrongly."""

    code = "logits-not-numbers"


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

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature < _COLDEST

    @property
    def uncut(self) -> bool:
        """Whether every allowed token may be drawn."""
        return self.top_p >= 1 and self.top_k <= 0 and self.min_p <= 0


def log_total(logits: Floats) -> float:
    """The logarithm of the sum of exponentials: subtracted from a logit it is a log-probability."""
    most = float(logits.max())
    return most + float(np.log(np.exp(logits - np.float32(most)).sum(dtype=np.float64)))


def choose(logits: NDArray[np.floating], how: Sampling, random: np.random.Generator) -> int:
    """The index that is drawn from a few `logits`; one random number is used unless greedy.

    Ties are broken by the lower index, so the same input gives the same token everywhere. Raises
    LogitsUnusable.
    """
    if not math.isfinite(logits.max()):
        raise LogitsUnusable
    if how.greedy or len(logits) == 1:
        return int(np.argmax(logits))
    weight = _weight(logits, float(logits.max()), how)
    if how.uncut:
        return _index(weight, random)
    order = np.argsort(-weight, kind="stable")
    falling = weight[order]
    return int(order[_index(falling[: _cut(falling, how)], random)])


class TokenSampler:
    """Draws from whole rows of logits, over a vocabulary of `size` tokens, with scratch of its own.

    A row is laid out in columns; adding up, or comparing, all columns at once is what a processor
    does fastest.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        rows = -(-size // _COLUMNS)
        self._whole = size // _COLUMNS * _COLUMNS
        self._open = np.full((rows, _COLUMNS), -np.inf, np.float32)
        self._row, self._behind = np.split(self._open.reshape(-1), [size])
        self._is_large = np.empty(size, bool)
        self._barred = np.zeros((-(-size // 64) * 8, 8), np.float32)
        self._bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], 1, bitorder="little")
        self._bits = np.where(self._bits, np.float32(0), np.float32(-np.inf))

    def draw(
        self, logits: Floats, mask: TokenMask, how: Sampling, random: np.random.Generator
    ) -> int:
        """One of the tokens that `mask` allows, at least one; `logits` stay as they are.

        Raises LogitsUnusable.
        """
        found = _NONE
        if mask.count > _FEW and how.top_k <= _FEW:
            if how.greedy:
                found = int(self._heaviest(logits, mask, 1)[0])
            elif how.uncut:
                found = self._of_all(logits, mask, how, random)
            else:
                found = self._of_few(logits, mask, how, random)
        if found == _NONE:
            ids = mask.ids()
            found = int(ids[choose(logits[ids], how, random)])
        return found

    def _of_few(
        self, logits: Floats, mask: TokenMask, how: Sampling, random: np.random.Generator
    ) -> int:
        """From the heaviest few; `_NONE` when more than they may be drawn."""
        few = how.top_k or _FEW
        ids = self._heaviest(logits, mask, few)
        most, total = float(logits[ids[0]]), 0.0
        weight = _weight(logits[ids], most, how)
        if not how.top_k and how.top_p < 1:
            self._read(logits, mask)
            self._weigh(most, how)
            total = float(self._open.sum())
        count = _cut(weight, how, total)
        if not how.top_k and count == few:
            return _NONE
        return int(ids[_index(weight[:count], random)])

    def _of_all(
        self, logits: Floats, mask: TokenMask, how: Sampling, random: np.random.Generator
    ) -> int:
        """A column by its sum, then one of the column."""
        self._read(logits, mask)
        self._weigh(float(self._row.max()), how)
        np.subtract(self._open, _NOTHING, out=self._open)
        np.maximum(self._open, 0, out=self._open)
        column = _index(self._open.sum(axis=0), random)
        row = _index(self._open[:, column], random)
        return row * _COLUMNS + column

    def _heaviest(self, logits: Floats, mask: TokenMask, few: int) -> Indices:
        """The `few` largest that are allowed, falling, ties by the lower index.

        They are nearly always among the largest of all; only else what is forbidden is left out
        before.
        """
        found = mask.among(self._large(logits, few))
        if len(found) < few:
            self._read(logits, mask)
            found = mask.among(self._large(self._row, few))
        if not len(found):  # nothing is as large as what is no number
            raise LogitsUnusable
        return found[np.argsort(-logits[found], kind="stable")[:few]]

    def _large(self, row: Floats, few: int) -> Indices:
        """The largest, several times `few` where there are so many columns.

        So many columns hold one that is at least as large as the smallest of their maxima.
        """
        many = min(4 * few, 2 * _FEW)
        columns = row[: self._whole].reshape(-1, _COLUMNS).max(axis=0, initial=-np.inf)
        bound = np.partition(columns, -many)[-many]
        return np.flatnonzero(np.greater_equal(row, bound, out=self._is_large))

    def _read(self, logits: Floats, mask: TokenMask) -> None:
        """The allowed logits into the scratch, the others and what is behind them as -inf."""
        np.take(self._bits, mask.bits, axis=0, out=self._barred, mode="clip")
        np.add(logits, self._barred.reshape(-1)[: self.size], out=self._row)
        self._behind.fill(-np.inf)

    def _weigh(self, most: float, how: Sampling) -> None:
        """Turn the logits into weights, in place; of what is forbidden less than `_NOTHING` stays.

        Without a floor most would become numbers too small for their format, which a processor
        computes a hundred times as slowly.
        """
        np.subtract(self._open, np.float32(most), out=self._open)
        np.multiply(self._open, np.float32(1 / how.temperature), out=self._open)
        np.maximum(self._open, _FLOOR, out=self._open)
        np.exp(self._open, out=self._open)


def _weight(logits: NDArray[np.floating], most: float, how: Sampling) -> Weights:
    """Probabilities up to a factor; the largest is 1."""
    weight: Weights = np.exp((logits.astype(np.float64) - most) / how.temperature)
    return weight


def _index(weight: NDArray[np.floating], random: np.random.Generator) -> int:
    """An index by its share of the weight; one random number."""
    reached = np.cumsum(weight, dtype=np.float64)
    if not math.isfinite(reached[-1]):
        raise LogitsUnusable
    drawn = random.random() * reached[-1]
    return int(np.searchsorted(reached, min(drawn, np.nextafter(reached[-1], 0)), side="right"))


def _cut(falling: Weights, how: Sampling, total: float = 0.0) -> int:
    """How many of the falling weights stay; `total` is that of all, if these are not all."""
    kept = falling[: how.top_k] if how.top_k > 0 else falling
    count = len(kept)
    if how.top_p < 1:
        share = np.cumsum(kept) / (total or kept.sum())
        count = min(count, int(np.searchsorted(share, how.top_p)) + 1)
    if how.min_p > 0:
        count = min(count, int(np.count_nonzero(kept >= how.min_p * kept[0])))
    return max(count, 1)
