"""Whether a stated share is the observed one: of votes, and of a verifier's probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.figures import Figure, Floats
from cds_hooks.trial.cases import MatchLevel, Proposed
from cds_hooks.trial.report.clusters import Counted, Patients
from cds_hooks.trial.report.judged import JudgedCase

__all__ = ["Reliability", "ReliabilityBin", "reliability"]

_BY_CHANCE = 200


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The diagnoses whose stated share lies in [low, high) (the last bin holds its end, too):
    the mean of what was stated, and the share that matches an outcome."""

    low: float
    high: float
    stated: float
    observed: Figure


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability table over shown diagnoses.

    `error` is the expected calibration error: the mean over diagnoses of |stated - observed| of
    their bins (M. P. Naeini et al., AAAI 2015). It is never 0 in a finite sample: `by_chance` is
    its mean for these very stated shares if each were true (simulated; J. Vaicenavicius et al.,
    AISTATS 2019, PMLR 89:3459-3467). For the same reason its interval leans upwards. `brier` is the
    mean squared error (G. W. Brier, Mon Weather Rev 1950;78:1-3).
    """

    bins: tuple[ReliabilityBin, ...]
    error: Figure
    by_chance: float
    brier: Figure


def reliability(
    judged: Sequence[JudgedCase],
    stated: Callable[[Proposed], float | None],
    level: MatchLevel,
    patients: Patients,
    rng: np.random.Generator,
    *,
    bins: int,
) -> Reliability | None:
    """The reliability of what `stated` tells of shown diagnoses; None where it tells nothing."""
    told = [
        (Counted(each.case.patient, float(diagnosis.right(level))), share)
        for each in judged
        for diagnosis in each.shown
        if (share := stated(diagnosis.proposed)) is not None
    ]
    if not told:
        return None
    counted, shares = [each for each, _ in told], np.asarray([share for _, share in told])
    truths = np.asarray([each.value for each in counted])
    places = np.minimum((shares * bins).astype(np.int64), bins - 1)
    return Reliability(
        bins=_bins(counted, shares, places, patients, bins),
        error=patients.of_sums(counted, _gaps(shares - truths, places, bins), _error),
        by_chance=_by_chance(shares, places, bins, rng),
        brier=patients.mean(
            [
                Counted(c.patient, (s - c.value) ** 2)
                for c, s in zip(counted, shares.tolist(), strict=True)
            ]
        ),
    )


def _bins(
    counted: Sequence[Counted], shares: Floats, places: np.ndarray, patients: Patients, bins: int
) -> tuple[ReliabilityBin, ...]:
    made = []
    for number in np.unique(places).tolist():
        inside = np.flatnonzero(places == number).tolist()
        observed = patients.share([counted[i] for i in inside])
        mean = float(shares[inside].mean())
        made.append(ReliabilityBin(number / bins, (number + 1) / bins, mean, observed))
    return tuple(made)


def _gaps(gaps: Floats, places: np.ndarray, bins: int) -> list[list[float]]:
    """A row for each diagnosis: its gap in the column of its bin, and 1 in the last."""
    rows = np.zeros((len(gaps), bins + 1))
    rows[np.arange(len(gaps)), places] = gaps
    rows[:, -1] = 1.0
    found: list[list[float]] = rows.tolist()
    return found


def _error(sums: Floats) -> Floats:
    """One error a row; NaN where nothing was drawn."""
    undefined = np.full(len(sums), math.nan)
    gaps = np.abs(sums[:, :-1]).sum(axis=1)
    np.divide(gaps, sums[:, -1], out=undefined, where=sums[:, -1] > 0)
    return undefined


def _by_chance(shares: Floats, places: np.ndarray, bins: int, rng: np.random.Generator) -> float:
    drawn = []
    for _ in range(_BY_CHANCE):
        truths = rng.random(len(shares)) < shares
        sums = np.bincount(places, weights=shares - truths, minlength=bins)
        drawn.append(float(np.abs(sums).sum() / len(shares)))
    return float(np.mean(drawn))
