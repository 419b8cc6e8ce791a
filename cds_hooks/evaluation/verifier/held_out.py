"""Weights learnt on one half of the cases and read on the other, again and again.

Each repetition divides the cases in two at random; each half is read with what the other taught, so
that every case is read once in each repetition, by weights that have not seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cds_hooks.evaluation.metrics.figures import Floats
from cds_hooks.evaluation.verifier.boosting import boosted
from cds_hooks.evaluation.verifier.fitting import fit
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.evaluation.verifier.votes import model_weights, weighted_pick

__all__ = ["BOOSTING", "HeldOut", "LOGISTIC", "WEIGHTED", "held_out", "pick_of"]

WEIGHTED, LOGISTIC, BOOSTING = "weighted vote", "verifier", "gradient boosting"

Pick = Callable[[LabelledCase], int | None]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """`right` has for each method a row a repetition and a column a case: 1 where the diagnosis put
    first was right. `score` is the verifier's score of that diagnosis, before it is calibrated."""

    right: Mapping[str, Floats]
    score: Floats

    def mean(self, method: str) -> list[float]:
        """For each case how often the method was right, over repetitions."""
        return [float(v) for v in self.right[method].mean(axis=0)]


def held_out(
    cases: Sequence[LabelledCase],
    *,
    repetitions: int,
    seed: int = 0,
    told: Callable[[int], None] = lambda _: None,
) -> HeldOut:
    """Every method that learns, on the halves it did not learn from; `told` hears repetitions."""
    random = np.random.default_rng(seed)
    shape = (repetitions, len(cases))
    right = {m: np.zeros(shape) for m in (WEIGHTED, LOGISTIC, BOOSTING)}
    score = np.zeros(shape)
    for repetition in range(repetitions):
        order = random.permutation(len(cases))
        halves = order[: len(cases) // 2], order[len(cases) // 2 :]
        for learn, read in (halves, halves[::-1]):
            _read(
                cases, learn, read, {m: r[repetition] for m, r in right.items()}, score[repetition]
            )
        told(repetition + 1)
    return HeldOut(right, score)


def _read(
    cases: Sequence[LabelledCase],
    learn: NDArray[np.int64],
    read: NDArray[np.int64],
    right: Mapping[str, Floats],
    score: Floats,
) -> None:
    known = [cases[i] for i in learn]
    weights, fitted, trees = model_weights(known), fit(known), boosted(known)
    for index in read:
        case = cases[index]
        if not case.right:
            continue
        own = fitted.scores(case)
        score[index] = max(own)
        picks = {
            WEIGHTED: weighted_pick(case, weights),
            LOGISTIC: pick_of(own, case),
            BOOSTING: pick_of(trees(case), case),
        }
        for method, pick in picks.items():
            right[method][index] = float(pick is not None and case.right[pick])


def pick_of(scores: Sequence[float], case: LabelledCase) -> int | None:
    """The index of the best score; of equals that with most votes, then the one proposed first."""
    if not scores:
        return None
    shares = [f.get("vote_share", 0.0) for f in case.features]
    keys = [
        (round(s, 9), round(v, 9), -i) for i, (s, v) in enumerate(zip(scores, shares, strict=True))
    ]
    return -max(keys)[2]
