"""Gradient boosting, as a comparison alone: what it learns cannot be read, so it is not shipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cds_hooks.evaluation.verifier.design import design_of, rows_of
from cds_hooks.evaluation.verifier.extra import sklearn
from cds_hooks.evaluation.verifier.labelled import LabelledCase

__all__ = ["boosted"]


def boosted(cases: Sequence[LabelledCase]) -> Callable[[LabelledCase], list[float]]:
    """Scores by 60 trees of depth 2 (J. H. Friedman, Ann Stat 2001;29:1189-1232); the shape was
    fixed beforehand and nothing of it is chosen on the cases."""
    rows, right = rows_of(cases)
    design = design_of(rows)
    trees = sklearn("ensemble").GradientBoostingClassifier(
        n_estimators=60, max_depth=2, learning_rate=0.05, min_samples_leaf=5, random_state=0
    )
    trees.fit(design.matrix(rows), right)

    def scores(case: LabelledCase) -> list[float]:
        return [float(v) for v in trees.predict_proba(design.matrix(case.features))[:, 1]]

    return scores
