"""Coefficients by regularised logistic regression, a curve by isotonic regression, thresholds by
split conformal prediction: each on cases of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cds_hooks.evaluation.metrics.figures import Floats
from cds_hooks.evaluation.verifier.design import Design, design_of, rows_of
from cds_hooks.evaluation.verifier.extra import sklearn
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.plausibility.agreement.conformal import calibrate
from cds_hooks.verifier.coefficient_file import Calibration
from cds_hooks.verifier.verifier_errors import VerifierError

__all__ = ["RISKS", "Coefficients", "curve_of", "fit", "scores_of", "thresholds_of"]

RISKS = (0.05, 0.1, 0.2)
_REGULARISATION = (0.01, 0.1, 1.0, 10.0)
_FOLDS = 5
_FEWEST_RIGHT = 10


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What was fitted; `regularisation` is scikit-learn's C, smaller is stronger."""

    design: Design
    weights: tuple[float, ...]
    intercept: float
    regularisation: float

    def scores(self, case: LabelledCase) -> list[float]:
        """The uncalibrated probability of each diagnosis of a case."""
        log_odds = self.design.matrix(case.features) @ np.array(self.weights) + self.intercept
        return [float(v) for v in 1 / (1 + np.exp(-log_odds))]


def fit(cases: Sequence[LabelledCase]) -> Coefficients:
    """The coefficients of these cases alone; the strength of regularisation is the one of least log
    loss in five folds of their patients.

    Raises VerifierError with too few right or wrong diagnoses to learn from.
    """
    rows, right = rows_of(cases)
    if min(right.sum(), len(right) - right.sum()) < _FEWEST_RIGHT:
        raise VerifierError(
            f"{int(right.sum())} right of {len(right)} diagnoses: too few of a kind to fit on",
            hint=f"At least {_FEWEST_RIGHT} right and {_FEWEST_RIGHT} wrong ones are needed.",
        )
    design = design_of(rows)
    if not design.features:
        raise VerifierError("no feature differs between diagnoses: there is nothing to fit")
    patients = [c.patient for c in cases for _ in c.right]
    strength = _strength(design.matrix(rows), right, patients)
    fitted = _regression(strength).fit(design.matrix(rows), right)
    return Coefficients(
        design=design,
        weights=tuple(float(w) for w in fitted.coef_[0]),
        intercept=float(fitted.intercept_[0]),
        regularisation=strength,
    )


def scores_of(
    fitted: Coefficients, cases: Sequence[LabelledCase]
) -> tuple[list[float], list[bool], list[float]]:
    """Score and truth of every diagnosis, and for each case the score of its best right one: 0
    where nobody named it."""
    scores: list[float] = []
    right: list[bool] = []
    truths: list[float] = []
    for case in cases:
        own = fitted.scores(case)
        scores += own
        right += case.right
        truths.append(max((s for s, r in zip(own, case.right, strict=True) if r), default=0.0))
    return scores, right, truths


def curve_of(scores: Sequence[float], right: Sequence[bool]) -> Calibration | None:
    """The isotonic curve (R. E. Barlow et al., 1972; B. Zadrozny, C. Elkan, KDD 2002); None without
    diagnoses.

    Its ends are kept away from 0 and 1 by one case more of either kind than was seen (P. S.
    de Laplace's rule of succession): a few cases do not make anything certain.
    """
    if not scores:
        return None
    made = sklearn("isotonic").IsotonicRegression(out_of_bounds="clip")
    made.fit(np.array(scores), np.array(right, dtype=np.float64))
    n = len(scores)
    y = np.clip(made.y_thresholds_, 1 / (n + 2), (n + 1) / (n + 2))
    return Calibration(x=_floats(made.X_thresholds_), y=_floats(y), n=n)


def thresholds_of(
    truths: Sequence[float], fitted: Sequence[LabelledCase] = ()
) -> dict[str, float | None]:
    """The threshold of each stated risk; None: none reaches it (too few cases, or nobody names the
    truth often enough).

    No set holds a truth that nobody names. Where their share among the `fitted` cases is above a
    risk already, a threshold from the few calibrated ones would be there by luck: there is none.
    """
    unnamed = sum(not any(c.right) for c in fitted) / len(fitted) if fitted else 0.0
    return {f"{r:g}": None if unnamed > r else calibrate(truths, r) for r in RISKS}


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _strength(matrix: Floats, right: Floats, patients: Sequence[str]) -> float:
    """Chosen inside these cases; folds hold all diagnoses of a patient."""
    folds = sklearn("model_selection").GroupKFold(n_splits=min(_FOLDS, len(set(patients))))
    losses = dict.fromkeys(_REGULARISATION, 0.0)
    for train, held in folds.split(matrix, right, patients):
        if len(set(right[train])) < 2:
            continue
        for strength in _REGULARISATION:
            fitted = _regression(strength).fit(matrix[train], right[train])
            stated = np.clip(fitted.predict_proba(matrix[held])[:, 1], 1e-9, 1 - 1e-9)
            told = np.where(right[held] == 1, stated, 1 - stated)
            losses[strength] -= float(np.log(told).sum())
    return min(losses, key=lambda strength: losses[strength])


def _regression(strength: float) -> Any:
    return sklearn("linear_model").LogisticRegression(
        C=strength, solver="newton-cholesky", max_iter=200
    )
