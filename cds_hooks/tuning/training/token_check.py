"""Two programs compared token by token on the same tokens: what was trained, and what is served."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cds_hooks.evaluation.metrics import Figure, proportion
from cds_hooks.tuning.training.engine_logits import Logits

__all__ = ["TokenCheck", "compare_logits"]

_TIED = 0.02
"""Two tokens whose log-probabilities are this near each other may change places: ours, twice the
difference that both programs show on one file with weights of 32 bits."""


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """Agreement at `positions` of `sequences`: the likeliest token, and log-probabilities.

    `agreed` counts positions with the same likeliest token, `tied` others where the first program
    has both within a rounding of each other. `largest` and `mean` are differences of
    log-probability over the tokens that either program has among its five likeliest.
    """

    sequences: int
    positions: int
    agreed: int
    tied: int
    largest: float
    mean: float

    @property
    def agreement(self) -> Figure:
        """The share of positions with the same likeliest token."""
        return proportion(self.agreed, self.positions)

    @property
    def different(self) -> int:
        """Positions whose likeliest token differs by more than a rounding."""
        return self.positions - self.agreed - self.tied


def compare_logits(pairs: Iterable[tuple[Logits, Logits]]) -> TokenCheck:
    """Compare what two programs computed for each sequence, as (positions, vocabulary)."""
    sequences = positions = agreed = tied = 0
    largest, total = 0.0, 0.0
    for first, second in pairs:
        one, two = _log_probabilities(first), _log_probabilities(second)
        best, other = one.argmax(1), two.argmax(1)
        rows = np.arange(len(one))
        same = best == other
        near = one[rows, best] - one[rows, other] <= _TIED
        differences = _differences(one, two)
        sequences += 1
        positions += len(one)
        agreed += int(same.sum())
        tied += int((~same & near).sum())
        largest = max(largest, float(differences.max(initial=0.0)))
        total += float(differences.mean(1).sum())
    mean = total / positions if positions else 0.0
    return TokenCheck(sequences, positions, agreed, tied, largest, mean)


def _log_probabilities(logits: Logits) -> Logits:
    high = logits.max(1, keepdims=True)
    found: Logits = logits - high - np.log(np.exp(logits - high).sum(1, keepdims=True))
    return found


def _differences(one: Logits, two: Logits) -> Logits:
    """Per position the differences at the five likeliest tokens of each program."""
    top = [np.argpartition(-each, 5, axis=1)[:, :5] for each in (one, two)]
    chosen = np.concatenate(top, axis=1)
    found: Logits = np.abs(np.take_along_axis(one, chosen, 1) - np.take_along_axis(two, chosen, 1))
    return found
