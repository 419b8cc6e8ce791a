"""How far stated probabilities and sets hold on cases that neither was made on.

Each repetition divides the cases in three at random: half to fit, a quarter to calibrate, a quarter
to read. Figures are of what was read, and their intervals are drawn over cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cds_hooks.evaluation.metrics import Bin, CalibrationCurve, Figure, bootstrap
from cds_hooks.evaluation.metrics.figures import Floats
from cds_hooks.evaluation.verifier.fitting import (
    RISKS,
    Coefficients,
    curve_of,
    fit,
    scores_of,
    thresholds_of,
)
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.verifier.coefficient_file import Calibration
from cds_hooks.verifier.isotonic import calibrated

__all__ = ["CalibratedFigures", "SetFigures", "measure_calibrated"]

_BINS = 10
_ZERO = 1e-9


@dataclass(frozen=True, slots=True)
class SetFigures:
    """Sets of one stated risk: how often they hold the truth, and how many diagnoses they have.

    `unreached` is the share of repetitions in which no threshold reaches the risk: there is no set
    then, which counts neither in `coverage` nor in `size`. `overall` counts it as holding the
    truth, as the promise of split conformal prediction does: where a threshold is there by luck
    alone, `coverage` is below the promise although `overall` is not.
    """

    risk: float
    coverage: Figure
    overall: Figure
    size: Figure
    unreached: float


@dataclass(frozen=True, slots=True)
class CalibratedFigures:
    """`curve` is of the probability of the diagnosis put first; `n` its cases. `uncalibrated` is
    the calibration error before the isotonic curve."""

    curve: CalibrationCurve
    uncalibrated: Figure
    sets: tuple[SetFigures, ...]


@dataclass
class _Read:
    """What was read, by case: sums over the repetitions that read it."""

    cases: int
    gaps: Floats = field(init=False)
    plain_gaps: Floats = field(init=False)
    squares: Floats = field(init=False)
    stated: Floats = field(init=False)
    right: Floats = field(init=False)
    counts: Floats = field(init=False)
    held: dict[float, Floats] = field(init=False)
    sizes: dict[float, Floats] = field(init=False)
    told: dict[float, Floats] = field(init=False)
    unreached: dict[float, list[bool]] = field(init=False)
    reads: Floats = field(init=False)

    def __post_init__(self) -> None:
        binned = (self.cases, _BINS)
        self.gaps, self.plain_gaps = np.zeros(binned), np.zeros(binned)
        self.stated, self.right, self.counts = (np.zeros(binned) for _ in range(3))
        self.squares, self.reads = np.zeros(self.cases), np.zeros(self.cases)
        self.held, self.sizes, self.told = (
            {risk: np.zeros(self.cases) for risk in RISKS} for _ in range(3)
        )
        self.unreached = {risk: [] for risk in RISKS}

    def first(self, case: int, stated: float, plain: float, *, right: bool) -> None:
        """The diagnosis put first: its probability, its score, and whether it is the truth."""
        place, plainly = _bin(stated), _bin(plain)
        self.gaps[case, place] += stated - right
        self.plain_gaps[case, plainly] += plain - right
        self.stated[case, place] += stated
        self.right[case, place] += right
        self.counts[case, place] += 1
        self.squares[case] += (stated - right) ** 2

    def set(self, case: int, risk: float, *, size: int, held: bool) -> None:
        """A set, and whether it holds the truth."""
        self.sizes[risk][case] += size
        self.held[risk][case] += held
        self.told[risk][case] += 1


def measure_calibrated(
    cases: Sequence[LabelledCase], *, repetitions: int, seed: int = 0
) -> CalibratedFigures:
    """The figures over as many random divisions in three."""
    random, read = np.random.default_rng(seed), _Read(len(cases))
    for _ in range(repetitions):
        order = random.permutation(len(cases))
        half, rest = len(cases) // 2, len(cases) * 3 // 4
        known = [cases[i] for i in order[:half]]
        fitted = fit(known)
        scores, right, truths = scores_of(fitted, [cases[i] for i in order[half:rest]])
        curve, least = curve_of(scores, right), thresholds_of(truths, known)
        for risk in RISKS:
            read.unreached[risk].append(least[f"{risk:g}"] is None)
        for index in order[rest:]:
            _read(read, int(index), cases[index], fitted, curve, least)
    return CalibratedFigures(_curve(read), _error(read.plain_gaps, read), tuple(_sets(read)))


def _read(
    read: _Read,
    index: int,
    case: LabelledCase,
    fitted: Coefficients,
    curve: Calibration | None,
    least: dict[str, float | None],
) -> None:
    read.reads[index] += 1
    scores = fitted.scores(case)
    if scores and curve is not None:
        best = int(np.argmax(scores))
        stated = calibrated(curve, scores[best])
        read.first(index, stated, scores[best], right=case.right[best])
    for risk in RISKS:
        if (threshold := least[f"{risk:g}"]) is not None:
            inside = [s >= threshold - _ZERO for s in scores]
            held = any(i and r for i, r in zip(inside, case.right, strict=True))
            read.set(index, risk, size=sum(inside), held=held)


def _bin(stated: float) -> int:
    return min(int(stated * _BINS), _BINS - 1)


def _curve(read: _Read) -> CalibrationCurve:
    return CalibrationCurve(tuple(_bins(read)), _error(read.gaps, read), _ratio(read.squares, read))


def _bins(read: _Read) -> list[Bin]:
    made = []
    for place in range(_BINS):
        counts = read.counts[:, place]
        if counts.sum():
            observed = _of_sums(read.right[:, place], counts)
            stated = float(read.stated[:, place].sum() / counts.sum())
            made.append(Bin(place / _BINS, (place + 1) / _BINS, stated, observed))
    return made


def _error(gaps: Floats, read: _Read) -> Figure:
    columns = [*gaps.T.tolist(), read.counts.sum(axis=1).tolist()]
    return bootstrap(
        lambda drawn: float(sum(abs(c.sum()) for c in drawn[:-1]) / drawn[-1].sum()), columns
    )


def _ratio(sums: Floats, read: _Read) -> Figure:
    return _of_sums(sums, read.counts.sum(axis=1))


def _of_sums(sums: Floats, counts: Floats) -> Figure:
    """A mean over what was counted, drawn over the cases that were read at all."""
    there = counts > 0
    columns = [sums[there].tolist(), counts[there].tolist()]
    return bootstrap(lambda drawn: float(drawn[0].sum() / drawn[1].sum()), columns)


def _sets(read: _Read) -> list[SetFigures]:
    return [
        SetFigures(
            risk=risk,
            coverage=_of_sums(read.held[risk], read.told[risk]),
            overall=_of_sums(read.held[risk] + read.reads - read.told[risk], read.reads),
            size=_of_sums(read.sizes[risk], read.told[risk]),
            unreached=float(np.mean(read.unreached[risk])),
        )
        for risk in RISKS
    ]
