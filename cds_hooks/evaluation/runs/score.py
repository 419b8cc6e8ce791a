"""A consultation compared with the truth of its case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.consultation import Assessment, Candidate, CheckedConsultation, Reason
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Noted, Said
from cds_hooks.evaluation.suites.suite import EvaluationCase, age_band
from cds_hooks.verifier import evidence_of

__all__ = ["about", "failed", "score"]

_PASS, _FAIL, _ABSTAIN = "pass", "fail", "abstain"


def score(
    case: EvaluationCase, done: CheckedConsultation, matcher: TruthMatcher, *, seconds: float
) -> CaseResult:
    """What the card would list, in its order, and what each sample wrote."""
    seen = evidence_of(done.assessments, done.differentials).proposed
    return CaseResult(
        case=case.id,
        outcome=done.outcome.value,
        answers=tuple(
            _answer(case, a, matcher).model_copy(update={"places": proposed.places or ()})
            for a, proposed in zip(done.assessments, seen, strict=True)
        ),
        samples=tuple(
            tuple(_said(case, c, matcher) for c in d.candidates) for d in done.differentials
        ),
        samples_failed=done.samples_failed,
        noted=tuple(_noted(case, done, matcher)),
        resolved_gold=matcher.resolves(case.gold),
        seconds=round(seconds, 3),
        timings_ms={k: round(v, 1) for k, v in done.timings_ms.items()},
        tokens=dict(done.tokens),
        **about(case),
    )


def failed(case: EvaluationCase, outcome: str, *, seconds: float) -> CaseResult:
    """A case that could not be answered: wrong, and told as what it is."""
    return CaseResult(case=case.id, outcome=outcome, seconds=round(seconds, 3), **about(case))


def about(case: EvaluationCase) -> dict[str, Any]:
    """What groups a case is reported in."""
    return {
        "age_band": age_band(case.age_years),
        "recorded_sex": case.recorded_sex or "not recorded",
        "tags": tuple(sorted(case.tags)),
        "score": case.score,
    }


def _answer(case: EvaluationCase, assessed: Assessment, matcher: TruthMatcher) -> ListedDiagnosis:
    return ListedDiagnosis(
        name=assessed.name,
        matches=matcher.matches(case.gold, assessed.name),
        verdict=assessed.verdict,
        agreement=assessed.agreement,
        flags=tuple(dict.fromkeys(r.check for r in assessed.reasons if r.result == _FAIL)),
        passed=tuple(dict.fromkeys(r.check for r in assessed.reasons if r.result == _PASS)),
        noted=tuple(dict.fromkeys(r.check for r in assessed.reasons if _informs(r))),
        codes=tuple(c.code for c in assessed.codes),
        log_probability=_rounded(assessed.log_probability),
        tokens=assessed.name_tokens,
        p_true=_rounded(assessed.p_true),
        second_view=_rounded(assessed.second_view),
        model_share=assessed.model_share,
        group=assessed.group,
        cited=len(assessed.evidence_for),
        against=len(assessed.evidence_against),
    )


def _informs(reason: Reason) -> bool:
    """Whether a check that judges nothing shows the reader facts all the same."""
    return reason.result == _ABSTAIN and bool(reason.fact_ids)


def _noted(
    case: EvaluationCase, done: CheckedConsultation, matcher: TruthMatcher
) -> Iterator[Noted]:
    """Flags on the whole case, as a card shows them."""
    for reason in done.red_flags:
        # The rule's own name of the diagnosis stands before its findings.
        name = reason.text.partition(":")[0]
        matches = matcher.matches(case.gold, name)
        yield Noted(check=reason.check, facts=len(reason.fact_ids), name=name, matches=matches)
    for reason in (*done.unexplained, *done.medication_concerns, *done.contradictions):
        yield Noted(check=reason.check, facts=len(reason.fact_ids))


def _said(case: EvaluationCase, said: Candidate, matcher: TruthMatcher) -> Said:
    return Said(
        name=said.diagnosis,
        matches=matcher.matches(case.gold, said.diagnosis),
        log_probability=_rounded(said.log_probability),
        tokens=said.name_tokens,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
