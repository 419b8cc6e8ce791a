"""A verifier's file out of labelled cases: three parts, each for one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from cds_hooks.evaluation.trained_cases import TrainedCase
from cds_hooks.evaluation.verifier.extra import one_thread
from cds_hooks.evaluation.verifier.fitting import (
    Coefficients,
    curve_of,
    fit,
    scores_of,
    thresholds_of,
)
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.evaluation.verifier.parts import ThreeParts, divide
from cds_hooks.verifier.coefficient_file import CoefficientFile, Dataset, Source
from cds_hooks.verifier.verifier_errors import VerifierError

__all__ = ["Origin", "make_file", "require_distinct", "require_untrained"]

Task = Literal["open-ended", "closed-list"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where cases are from, how right was told, and which models gave how many samples."""

    data: tuple[Dataset, ...]
    task: Task
    match: str
    models: tuple[str, ...]
    samples: int


def make_file(
    cases: Sequence[LabelledCase], origin: Origin, *, seed: int = 0
) -> tuple[CoefficientFile, ThreeParts]:
    """The file, and the parts; of `unseen` it knows nothing but the digests.

    Raises VerifierError for a case twice or too few to learn from, VerifierExtraMissing without
    scikit-learn.
    """
    require_distinct(cases)
    parts = divide(cases, seed=seed)
    with one_thread():
        fitted = fit(parts.fit)
        scores, right, truths = scores_of(fitted, parts.calibrate)
        curve = curve_of(scores, right)
    return (
        CoefficientFile(
            version=1,
            source=_source(cases, origin, fitted),
            features=fitted.design.features,
            coefficients=fitted.weights,
            intercept=fitted.intercept,
            standardisation=fitted.design.standardisation,
            calibration=curve,
            conformal=thresholds_of(truths, parts.fit),
            parts=parts.digests,
        ),
        parts,
    )


def require_distinct(cases: Sequence[LabelledCase]) -> None:
    """Raises VerifierError when a case is there twice: it could be fitted on and measured on."""
    twice = sum(count > 1 for count in Counter(c.case for c in cases).values())
    if twice:
        raise VerifierError(
            f"{twice} cases are there twice", hint="Give each suite once: one run of it is enough."
        )


def require_untrained(cases: Sequence[LabelledCase], trained: Collection[str]) -> None:
    """Raises TrainedCase when the model that answered was fitted on one of the cases: it is right
    there more often than elsewhere, and the verifier would learn to trust it."""
    known = frozenset(trained)
    seen = sum(c.case in known for c in cases)
    if seen:
        raise TrainedCase(
            f"the model was fitted on {seen} of {len(cases)} cases of these runs",
            hint="Fit the verifier on cases that the model has not seen.",
        )


def _source(cases: Sequence[LabelledCase], origin: Origin, fitted: Coefficients) -> Source:
    return Source(
        data=origin.data,
        task=origin.task,
        match=origin.match,
        models=origin.models,
        samples=origin.samples,
        cases=len(cases),
        patients=len({c.patient for c in cases}),
        diagnoses=sum(len(c.right) for c in cases),
        right=sum(map(sum, (c.right for c in cases))),
        regularisation=fitted.regularisation,
    )
