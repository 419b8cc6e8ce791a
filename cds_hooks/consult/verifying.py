"""The verifier at run time: the list of a checked consultation in its order. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cds_hooks.consultation import CheckedConsultation, Ranking
from cds_hooks.verifier import (
    CoefficientFile,
    FixedRules,
    RankedList,
    evidence_of,
    rank_by_coefficients,
    rank_by_rules,
)

__all__ = ["Verifier", "ranked"]


@dataclass(frozen=True, slots=True)
class Verifier:
    """What ranks: a file of coefficients with the SHA-256 of its bytes, or fixed rules."""

    by: CoefficientFile | FixedRules
    sha256: str = ""


def ranked(done: CheckedConsultation, verifier: Verifier | None) -> CheckedConsultation:
    """The consultation with its diagnoses in the verifier's order, and their probabilities where
    it is calibrated for such a consultation. Without a verifier, or a list, it stays as it is."""
    if verifier is None or not done.assessments:
        return done
    evidence = evidence_of(done.assessments, done.differentials)
    by = verifier.by
    if isinstance(by, FixedRules):
        return _ordered(done, rank_by_rules(by, evidence), Ranking("rules", by.version))
    found = rank_by_coefficients(by, evidence)
    told = any(each.probability is not None for each in found.ranked)
    return _ordered(
        done,
        found,
        Ranking(
            "coefficients",
            verifier.sha256,
            cases=len(by.parts.calibrate.case_digests) if told else 0,
            data=tuple(dataset.title for dataset in by.source.data),
            unlearned=found.unlearned,
        ),
    )


def _ordered(done: CheckedConsultation, found: RankedList, ranking: Ranking) -> CheckedConsultation:
    assessments = tuple(
        replace(done.assessments[each.index], probability=each.probability) for each in found.ranked
    )
    return replace(done, assessments=assessments, ranking=ranking)
