"""One ranked list out of what samples, models and rules say. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.plausibility.agreement.conformal import conformal_set
from cds_hooks.verifier.coefficient_file import CoefficientFile
from cds_hooks.verifier.combination import Score, score_by_coefficients, score_by_rules
from cds_hooks.verifier.evidence import ConsultationEvidence
from cds_hooks.verifier.features import Features, features_of
from cds_hooks.verifier.fixed_rules import FixedRules
from cds_hooks.verifier.isotonic import calibrated

__all__ = ["RankedDiagnosis", "RankedList", "rank_by_coefficients", "rank_by_rules"]

_SAME = 1e-9
# What decides between equal scores, before the order in which diagnoses were merged.
_TIE_BREAKERS = ("vote_share", "first_share", "reciprocal_rank")


@dataclass(frozen=True, slots=True)
class RankedDiagnosis:
    """`index` is its place among the proposed, 0 first. `probability` is calibrated (0 to 1), None
    where nothing calibrated it for what is known here. `tied`: another has the same score."""

    index: int
    score: float
    probability: float | None
    tied: bool


@dataclass(frozen=True, slots=True)
class RankedList:
    """Best first. `sets` has for each stated risk the indices of the diagnoses that hold the truth
    but for that risk, best first; None: no threshold reaches it, or it does not apply here.

    `unlearned` are features that are missing here and never were where the file was fitted; then
    there are no probabilities and no sets.
    """

    ranked: tuple[RankedDiagnosis, ...]
    sets: Mapping[str, tuple[int, ...] | None]
    unlearned: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, ...]:
        """The indices of the proposed diagnoses, best first."""
        return tuple(r.index for r in self.ranked)


def rank_by_coefficients(file: CoefficientFile, evidence: ConsultationEvidence) -> RankedList:
    """The list by a trained verifier.

    Probabilities and sets are a promise about consultations like those that were learnt from:
    samples of other models, another number of them, or a feature that was never missing there and
    is here, leave only the order.
    """
    features = features_of(evidence)
    scores = [score_by_coefficients(file, one) for one in features]
    unlearned = tuple(dict.fromkeys(name for s in scores for name in s.unlearned))
    curve = file.calibration if not unlearned and _asked_alike(file, evidence) else None
    probabilities = [None if curve is None else calibrated(curve, s.value) for s in scores]
    ranked = _ranked(scores, features, probabilities)
    return RankedList(ranked, _sets(file, ranked, applies=curve is not None), unlearned)


def rank_by_rules(rules: FixedRules, evidence: ConsultationEvidence) -> RankedList:
    """The list by fixed rules: an order, without probabilities and sets."""
    features = features_of(evidence)
    scores = [score_by_rules(rules, one) for one in features]
    return RankedList(_ranked(scores, features, [None] * len(scores)), {})


def _asked_alike(file: CoefficientFile, evidence: ConsultationEvidence) -> bool:
    """Where samples were not kept, nothing can be said against it."""
    if not evidence.models:
        return True
    same = sorted(set(evidence.models)) == sorted(file.source.models)
    return same and len(evidence.models) == file.source.samples


def _ranked(
    scores: Sequence[Score], features: Sequence[Features], probabilities: Sequence[float | None]
) -> tuple[RankedDiagnosis, ...]:
    def place(index: int) -> tuple[float, ...]:
        breakers = (features[index].get(name, 0.0) for name in _TIE_BREAKERS)
        # Rounded, so that two ways of adding the same numbers do not decide.
        return (-round(scores[index].value, 9), *(-round(b, 9) for b in breakers), index)

    values = [s.value for s in scores]
    return tuple(
        RankedDiagnosis(
            index=index,
            score=values[index],
            probability=probabilities[index],
            tied=sum(abs(values[index] - other) <= _SAME for other in values) > 1,
        )
        for index in sorted(range(len(scores)), key=place)
    )


def _sets(
    file: CoefficientFile, ranked: Sequence[RankedDiagnosis], *, applies: bool
) -> dict[str, tuple[int, ...] | None]:
    """Split conformal sets over the scores (A. N. Angelopoulos, S. Bates, arXiv 2107.07511)."""
    if not applies:
        return dict.fromkeys(file.conformal)
    scores = {str(r.index): r.score for r in ranked}
    held = {risk: conformal_set(scores, least) for risk, least in file.conformal.items()}
    return {
        risk: None if found is None else tuple(r.index for r in ranked if str(r.index) in found)
        for risk, found in held.items()
    }
