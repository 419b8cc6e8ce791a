"""Cases whose truth is known: what a verifier would see of each, and which diagnoses are right.

The truth is beside the evidence and never in it: features are made of `evidence` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis
from cds_hooks.evaluation.trained_cases import id_digest
from cds_hooks.trial.cases import MatchLevel, Proposed, TrialCase
from cds_hooks.trial.report.judged import judge
from cds_hooks.trial.report.matching import Matcher
from cds_hooks.trial.report.selection import select
from cds_hooks.verifier import (
    ConsultationEvidence,
    Features,
    NameEvidence,
    ProposedDiagnosis,
    features_of,
    places_in,
)

__all__ = ["LabelledCase", "from_results", "from_trial"]

_SAME = 1e-6


@dataclass(frozen=True)
class LabelledCase:
    """`case` and `patient` are SHA-256; `right` says of each proposed diagnosis whether it is the
    truth. A case without a right one is kept: that nothing was right has to be learnt, too."""

    case: str
    patient: str
    evidence: ConsultationEvidence
    right: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.right) != len(self.evidence.proposed):
            raise ValueError("each proposed diagnosis is right or wrong")

    @cached_property
    def features(self) -> tuple[Features, ...]:
        """Of each proposed diagnosis."""
        return features_of(self.evidence)


def from_results(
    suite: str, results: Iterable[CaseResult], *, models: Sequence[str], match: MatchRule
) -> Iterator[LabelledCase]:
    """The cases of a run that were answered. `models` is the model of each sample, in order; a case
    of which samples failed has its votes as its agreement alone."""
    for result in results:
        if result.answers:
            case = id_digest(suite, result.case)
            yield LabelledCase(
                case=case,
                patient=case,
                evidence=_evidence(result, models),
                right=tuple(match in a.matches for a in result.answers),
            )


def from_trial(
    cases: Sequence[TrialCase],
    matcher: Matcher,
    level: MatchLevel,
    evidence: Mapping[str, ConsultationEvidence] | None = None,
) -> Iterator[LabelledCase]:
    """The cases of a trial that its report counts and of which there is an outcome: none whose
    outcome the prompt showed, and one hook of an encounter. A diagnosis is right when it matches an
    outcome at this level.

    `evidence` is what was kept of a consultation, by its id, its diagnoses in the order of the
    case. Without it a case tells agreement, verdicts and failed checks alone.
    """
    for case in select(cases, matcher).with_outcome:
        if case.proposed:
            told = (evidence or {}).get(case.answered_in)
            judged = judge(case, matcher)
            yield LabelledCase(
                case=id_digest("trial", case.consultation),  # as `tune prepare` has it
                patient=_digest("patient", case.patient or case.consultation),
                evidence=told or ConsultationEvidence((), tuple(map(_of_trial, case.proposed))),
                right=tuple(d.right(level) for d in judged.diagnoses),
            )


def _of_trial(proposed: Proposed) -> ProposedDiagnosis:
    """Ids of passed checks and the samples themselves are not kept in a trial."""
    return ProposedDiagnosis(
        agreement=proposed.agreement,
        verdict=proposed.verdict,
        failed=frozenset(proposed.flags),
    )


def _evidence(result: CaseResult, models: Sequence[str]) -> ConsultationEvidence:
    whole = len(result.samples) == len(models)
    lists = [[label_key(said.name) for said in sample] for sample in result.samples]
    # Earlier runs did not keep ids of passed checks: where a case has none they are unknown.
    passed = any(a.passed for a in result.answers)
    return ConsultationEvidence(
        models=tuple(models) if whole else (),
        proposed=tuple(
            ProposedDiagnosis(
                places=_places(a, lists) if whole else None,
                agreement=a.agreement,
                verdict=a.verdict,
                passed=frozenset(a.passed) if passed else None,
                failed=frozenset(a.flags),
                name=_name_evidence(a),
            )
            for a in result.answers
        ),
    )


def _places(
    answer: ListedDiagnosis, lists: Sequence[Sequence[str]]
) -> tuple[int | None, ...] | None:
    """Earlier runs kept the names that samples wrote, but not which of them are one diagnosis:
    places are told where the names by themselves explain the votes that it was counted with."""
    if answer.places or not lists:
        return answer.places or None
    places = places_in(lists, label_key(answer.name))
    share = sum(p is not None for p in places) / len(lists)
    return places if abs(share - answer.agreement) <= _SAME else None


def _name_evidence(answer: ListedDiagnosis) -> NameEvidence:
    return NameEvidence(
        log_probability=answer.log_probability,
        tokens=answer.tokens or None,
        p_true=answer.p_true,
        second_view=answer.second_view,
    )


def _digest(kind: str, value: str) -> str:
    return hashlib.sha256(f"chartside-verifier\0{kind}\0{value}".encode()).hexdigest()
