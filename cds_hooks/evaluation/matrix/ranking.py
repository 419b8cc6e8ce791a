"""Which model is best, as far as the cases tell.

An order by accuracy alone says more than a hundred cases hold. Ranks are therefore given with the
interval in which they fall when cases are drawn again (H. Goldstein and D. J. Spiegelhalter, J R
Stat Soc A 1996;159:385-443, on the ranks of institutions; the percentile bootstrap over cases, the
same draw for every model, is ours), and each model is compared with the first one by an exact
McNemar test with Holm's correction (S. Holm, Scand J Stat 1979;6:65-70).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cds_hooks.evaluation.metrics import Figure, compare, proportion

__all__ = ["Ranked", "holm", "ranking"]

Floats = NDArray[np.float64]
Ranks = NDArray[np.int64]

_RESAMPLES = 2000
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Ranked:
    """A model's place: accuracy over the cases that all models share, the rank and the interval of
    ranks, how often it comes first, and the corrected `p` against the first (None for itself)."""

    name: str
    accuracy: Figure
    rank: int
    best_rank: int
    worst_rank: int
    first_share: float
    p_adjusted: float | None

    @property
    def told_apart(self) -> bool:
        """Whether the cases show that this model is worse than the first."""
        return self.p_adjusted is not None and self.p_adjusted < _LEVEL


def ranking(
    right: Mapping[str, Mapping[str, bool]], *, seed: int = 0, resamples: int = _RESAMPLES
) -> tuple[Ranked, ...]:
    """Models by accuracy; `right` is name -> case -> whether it was right.

    Only cases that every model answered count. Equal accuracies share the smaller rank. Without a
    shared case there is no ranking.
    """
    shared = sorted(set.intersection(*(set(cases) for cases in right.values()))) if right else []
    if not shared:
        return ()
    names = sorted(right, key=lambda name: (-sum(right[name][c] for c in shared), name))
    table = np.array([[right[name][c] for c in shared] for name in names], dtype=np.float64)
    sums = _drawn_sums(table, seed, resamples)
    drawn, last = _ranks(sums), len(names) + 1 - _ranks(-sums)
    # Among equal ones any order is possible: from the first to the last of their places.
    low = np.percentile(drawn, 2.5, axis=0, method="inverted_cdf").astype(int)
    high = np.percentile(last, 97.5, axis=0, method="inverted_cdf").astype(int)
    firsts = (drawn == 1) / (drawn == 1).sum(axis=1, keepdims=True)
    p = holm([_against(right, names[0], name, shared) for name in names[1:]])
    places = _ranks(table.sum(axis=1)[None, :])[0]
    return tuple(
        Ranked(
            name,
            proportion(int(table[i].sum()), len(shared)),
            int(places[i]),
            int(low[i]),
            int(high[i]),
            float(firsts[:, i].mean()),
            p[i - 1] if i else None,
        )
        for i, name in enumerate(names)
    )


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities corrected for their number, in the order given."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    corrected, worst = [0.0] * len(p), 0.0
    for place, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - place) * p[index]))
        corrected[index] = worst
    return corrected


def _against(
    right: Mapping[str, Mapping[str, bool]], one: str, two: str, shared: Sequence[str]
) -> float:
    chosen = ({c: right[name][c] for c in shared} for name in (one, two))
    return compare(*chosen).p


def _drawn_sums(table: Floats, seed: int, resamples: int) -> Floats:
    """Right cases of the models (columns) in each resample of cases (rows)."""
    random = np.random.default_rng(seed)
    cases = table.shape[1]
    weights = random.multinomial(cases, np.full(cases, 1 / cases), size=resamples)
    drawn: Floats = weights @ table.T
    return drawn


def _ranks(sums: Floats) -> Ranks:
    """1 for the largest of each row; equal ones share the smaller rank."""
    larger: Ranks = (sums[:, None, :] > sums[:, :, None]).sum(axis=2)
    return 1 + larger
