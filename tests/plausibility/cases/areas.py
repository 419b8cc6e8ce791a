"""The area under the ROC curve of entries that belong to cases, with an interval over cases. Pure.

Entries of one chart are not independent, so whole charts are drawn again. Entries may have weights,
for labels that only a random sample of them has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.evaluation.metrics import Figure
from cds_hooks.evaluation.metrics.figures import Floats

__all__ = ["Scored", "area", "chance"]

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Scored:
    """An entry of a case: a higher `score` says that it is wrong; it counts `weight` times."""

    case: str
    score: float
    wrong: bool
    weight: float = 1.0


def area(entries: Sequence[Scored], *, seed: int = 0) -> Figure:
    """The chance that a wrong entry scores above one that is not, ties counting half; `n` entries.

    95 % percentile interval, cases drawn whole: the cluster bootstrap of C. A. Field, A. H. Welsh,
    J R Stat Soc B 2007;69:369-390. NaN without both kinds.
    """
    cases = sorted({entry.case for entry in entries})
    wrong, right = _by_level(entries, cases)
    method = f"bootstrap over {len(cases)} cases, {RESAMPLES} resamples, seed {seed}"
    if not cases:
        return Figure(np.nan, 0, np.nan, np.nan, method)
    drawn = np.random.default_rng(seed).multinomial(
        len(cases), np.full(len(cases), 1 / len(cases)), size=RESAMPLES
    )
    areas = _areas(drawn @ wrong, drawn @ right)
    known = areas[~np.isnan(areas)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    once = np.ones((1, len(cases)))
    value = _areas(once @ wrong, once @ right)[0]
    return Figure(float(value), len(entries), float(low), float(high), method)


def chance(entries: Sequence[Scored], *, seed: int = 0) -> Figure:
    """The same for scores dealt out at random among the entries: the mean, and the range that 95 %
    of so many deals lie in. An area within it is none that skill was needed for."""
    random = np.random.default_rng(seed)
    scores = np.unique([entry.score for entry in entries], return_inverse=True)[1]
    weights = np.array([(e.weight * e.wrong, e.weight * (not e.wrong)) for e in entries])
    method = f"{RESAMPLES} random deals, seed {seed}"
    if not len(entries):
        return Figure(np.nan, 0, np.nan, np.nan, method)
    dealt = [random.permutation(scores) for _ in range(RESAMPLES)]
    wrong, right = (np.array([np.bincount(d, column) for d in dealt]) for column in weights.T)
    areas = _areas(wrong, right)
    low, high = np.percentile(areas, [2.5, 97.5])
    return Figure(float(areas.mean()), len(entries), float(low), float(high), method)


def _by_level(entries: Sequence[Scored], cases: Sequence[str]) -> tuple[Floats, Floats]:
    """Weights of wrong and of other entries, by case (rows) and score (columns, rising)."""
    row = {case: n for n, case in enumerate(cases)}
    column = {score: n for n, score in enumerate(sorted({entry.score for entry in entries}))}
    made = np.zeros((2, len(row), len(column)))
    for entry in entries:
        made[0 if entry.wrong else 1, row[entry.case], column[entry.score]] += entry.weight
    return made[0], made[1]


def _areas(wrong: Floats, right: Floats) -> Floats:
    """One area a row of weights by score."""
    below = np.cumsum(right, axis=1) - right
    won = (wrong * (below + right / 2)).sum(axis=1)
    pairs = wrong.sum(axis=1) * right.sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
