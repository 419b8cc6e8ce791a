"""What a verifier has to beat: the first sample, votes, and votes weighted by what each model is
worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.verifier import Features, fixed_rules, rank_by_rules

__all__ = ["bound", "first_of", "model_weights", "plurality_pick", "rules_pick", "weighted_pick"]

_VOTES = "votes:"


def bound(case: LabelledCase) -> bool:
    """Whether any proposed diagnosis is right: what the best choice could reach."""
    return any(case.right)


def plurality_pick(case: LabelledCase) -> int | None:
    """The index with most votes, each model counting once; of equals the one proposed first."""
    return _best([f.get("vote_share", 0.0) for f in case.features])


def rules_pick(case: LabelledCase) -> int | None:
    """The first by the fixed rules."""
    return next(iter(rank_by_rules(fixed_rules(), case.evidence).order), None)


def model_weights(cases: Sequence[LabelledCase]) -> dict[str, float]:
    """ln(p / (1 - p)) of the share p of each model's votes that were right here, one vote of either
    kind more than was seen (S. Nitzan, J. Paroush, Int Econ Rev 1982;23:289-297)."""
    votes = {name for c in cases for f in c.features for name in f if name.startswith(_VOTES)}
    return {name.removeprefix(_VOTES): _log_odds(name, cases) for name in sorted(votes)}


def weighted_pick(case: LabelledCase, weights: Mapping[str, float]) -> int | None:
    """The index with most weight; of equals the one proposed first."""
    return _best([_weight(f, weights) for f in case.features])


def first_of(case: LabelledCase, model: str) -> float:
    """The share of a model's own samples that were right: what one sample is worth."""
    own = [f.get(f"{_VOTES}{model}", 0.0) for f in case.features]
    return sum(share for share, right in zip(own, case.right, strict=True) if right)


def _weight(features: Features, weights: Mapping[str, float]) -> float:
    return sum(w * features.get(f"{_VOTES}{m}", 0.0) for m, w in weights.items())


def _log_odds(name: str, cases: Sequence[LabelledCase]) -> float:
    right = sum(
        f.get(name, 0.0) for c in cases for f, r in zip(c.features, c.right, strict=True) if r
    )
    told = sum(any(name in f for f in c.features) for c in cases)
    share = (right + 1) / (told + 2)
    return math.log(share / (1 - share))


def _best(scores: Sequence[float]) -> int | None:
    """Rounded, so that two ways of adding the same numbers do not decide."""
    return int(np.argmax(np.round(scores, 9))) if len(scores) else None
