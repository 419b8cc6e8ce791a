"""How well a score tells right from wrong, and whether a stated share is the observed one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cds_hooks.evaluation.metrics.figures import Figure, Floats, bootstrap, proportion

__all__ = [
    "Bin",
    "CalibrationCurve",
    "area_under_roc",
    "auprc",
    "auroc",
    "average_precision",
    "calibration",
]


@dataclass(frozen=True, slots=True)
class Bin:
    """The cases whose stated share lies in [low, high) (the last bin holds its end, too)."""

    low: float
    high: float
    stated: float
    observed: Figure


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """`error` is the expected calibration error: the mean over cases of |stated - observed| of
    their bins (M. P. Naeini et al., AAAI 2015). `brier` is the mean squared error (G. W. Brier,
    Mon Weather Rev 1950;78:1-3). Both are 0 at best."""

    bins: tuple[Bin, ...]
    error: Figure
    brier: Figure


def auroc(scores: Sequence[float], truths: Sequence[bool], *, seed: int = 0) -> Figure:
    """The chance that a true case scores above a false one, ties counting half.

    J. A. Hanley, B. J. McNeil, Radiology 1982;143:29-36. NaN without both kinds of case.
    """
    return bootstrap(lambda drawn: area_under_roc(*drawn), [scores, _floats(truths)], seed=seed)


def auprc(scores: Sequence[float], truths: Sequence[bool], *, seed: int = 0) -> Figure:
    """Average precision: precision weighted by the recall each threshold adds; no interpolation.

    Without skill it is the share of true cases. NaN without any.
    """
    return bootstrap(lambda drawn: average_precision(*drawn), [scores, _floats(truths)], seed=seed)


def calibration(
    stated: Sequence[float], truths: Sequence[bool], *, bins: int = 10, seed: int = 0
) -> CalibrationCurve:
    """Stated shares against what came true, in `bins` bins of equal width.

    Raises ValueError for a share outside 0 to 1.
    """
    if any(not 0 <= s <= 1 for s in stated):
        raise ValueError("stated shares are between 0 and 1")
    columns = [list(stated), _floats(truths)]
    return CalibrationCurve(
        bins=_bins(stated, truths, bins),
        error=bootstrap(lambda drawn: _error(drawn[0], drawn[1], bins), columns, seed=seed),
        brier=bootstrap(
            lambda drawn: float(np.mean((drawn[0] - drawn[1]) ** 2)), columns, seed=seed
        ),
    )


def _floats(truths: Sequence[bool]) -> list[float]:
    return [1.0 if t else 0.0 for t in truths]


def area_under_roc(scores: Floats, truths: Floats) -> float:
    """The value of `auroc` alone; truths are 0 or 1."""
    positive, negative = scores[truths == 1], np.sort(scores[truths == 0])
    if not len(positive) or not len(negative):
        return math.nan
    below = np.searchsorted(negative, positive, side="left")
    not_above = np.searchsorted(negative, positive, side="right")
    return float((below + not_above).mean() / 2 / len(negative))


def average_precision(scores: Floats, truths: Floats) -> float:
    """The value of `auprc` alone; truths are 0 or 1."""
    found = truths.sum()
    if not found:
        return math.nan
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(truths[order])
    # A threshold lies only where the score changes: equal scores are let in together.
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / found
    return float(np.sum(precision * np.diff(recall, prepend=0.0)))


def _places(stated: Floats, bins: int) -> NDArray[np.int64]:
    return np.minimum((stated * bins).astype(np.int64), bins - 1)


def _error(stated: Floats, truths: Floats, bins: int) -> float:
    places = _places(stated, bins)
    gaps = np.bincount(places, weights=stated - truths, minlength=bins)
    return float(np.abs(gaps).sum() / len(stated))


def _bins(stated: Sequence[float], truths: Sequence[bool], bins: int) -> tuple[Bin, ...]:
    places = _places(np.asarray(stated, dtype=np.float64), bins).tolist()
    made = []
    for number, (low, high) in enumerate(pairwise(np.linspace(0, 1, bins + 1).tolist())):
        inside = [i for i, place in enumerate(places) if place == number]
        if inside:
            mean = sum(stated[i] for i in inside) / len(inside)
            hits = sum(bool(truths[i]) for i in inside)
            made.append(Bin(low, high, mean, proportion(hits, len(inside))))
    return tuple(made)
