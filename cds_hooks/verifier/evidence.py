"""What is known of each proposed diagnosis before the verifier ranks them: plain values.

No truth can be given here, and no place of a diagnosis on a list of options that a test offered:
such lists are often not shuffled, so that place says something about the test alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Assessment, Differential, Verdict

__all__ = [
    "ConsultationEvidence",
    "NameEvidence",
    "ProposedDiagnosis",
    "evidence_of",
    "places_in",
]

_PASS, _FAIL = "pass", "fail"


@dataclass(frozen=True, slots=True)
class NameEvidence:
    """What a model was asked about one name. None: was not asked, or did not answer in time.

    `log_probability` is the natural logarithm of the probability of the whole name and its end by
    construction, `tokens` how many tokens that is. `p_true` is the probability (0 to 1) that the
    same model gives to the diagnosis being right (S. Kadavath et al., arXiv 2207.05221), and
    `second_view` that of a second model.
    """

    log_probability: float | None = None
    tokens: int | None = None
    p_true: float | None = None
    second_view: float | None = None


@dataclass(frozen=True, slots=True)
class ProposedDiagnosis:
    """One merged diagnosis.

    `places` has its place in each sample of the consultation, 1 first, None where that sample does
    not name it; `places` itself is None where samples were not kept, and `agreement` (the share of
    samples, each model counting once) is then what is known of votes. `passed` and `failed` are ids
    of checks; None where they were not kept. `verdict` is None where nothing was checked.
    """

    places: tuple[int | None, ...] | None = None
    agreement: float | None = None
    verdict: Verdict | None = None
    passed: frozenset[str] | None = None
    failed: frozenset[str] | None = None
    name: NameEvidence = NameEvidence()


@dataclass(frozen=True, slots=True)
class ConsultationEvidence:
    """A consultation: the model of each sample, and the diagnoses that were proposed, in the order
    in which they were merged. Raises ValueError when places and samples do not fit."""

    models: tuple[str, ...]
    proposed: tuple[ProposedDiagnosis, ...]

    def __post_init__(self) -> None:
        if any(p.places is not None and len(p.places) != len(self.models) for p in self.proposed):
            raise ValueError("each diagnosis has one place, or None, for each sample")


def places_in(
    lists: Sequence[Sequence[Hashable]], key: Hashable | frozenset[str]
) -> tuple[int | None, ...]:
    """The best place, from 1, of a diagnosis in each sample's list of keys; a set of keys is one
    diagnosis by several names."""
    wanted = key if isinstance(key, frozenset) else frozenset({key})
    return tuple(
        next((place for place, one in enumerate(listed, start=1) if one in wanted), None)
        for listed in lists
    )


def evidence_of(
    assessments: Sequence[Assessment],
    differentials: Sequence[Differential],
    names: Mapping[str, NameEvidence] | None = None,
) -> ConsultationEvidence:
    """The evidence of a checked consultation. `names` is what models were asked, by the name of the
    assessment, where the assessments do not have it; what neither has is missing."""
    lists = [[c.diagnosis for c in d.candidates] for d in differentials]
    asked = {a.name: _name_evidence(a) for a in assessments} if names is None else names
    return ConsultationEvidence(
        models=tuple(d.model for d in differentials),
        proposed=tuple(_proposed(a, lists, asked.get(a.name, NameEvidence())) for a in assessments),
    )


def _name_evidence(assessed: Assessment) -> NameEvidence:
    return NameEvidence(
        log_probability=assessed.log_probability,
        tokens=assessed.name_tokens or None,
        p_true=assessed.p_true,
        second_view=assessed.second_view,
    )


def _proposed(
    assessed: Assessment, lists: Sequence[Sequence[str]], asked: NameEvidence
) -> ProposedDiagnosis:
    written = frozenset((*assessed.written_as, *assessed.related)) or frozenset({assessed.name})
    return ProposedDiagnosis(
        places=places_in(lists, written) if lists else None,
        agreement=assessed.agreement,
        verdict=assessed.verdict,
        passed=frozenset(r.check for r in assessed.reasons if r.result == _PASS),
        failed=frozenset(r.check for r in assessed.reasons if r.result == _FAIL),
        name=asked,
    )
