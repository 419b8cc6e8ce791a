"""What clinicians said of single diagnoses, by the verdict that the checks had given.

Pure. Counts and shares only: no diagnosis, no patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cds_hooks.compliance import judgements_on
from cds_hooks.consultation import CheckedConsultation, Verdict
from cds_hooks.evaluation.metrics.figures import Figure, proportion
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["Judged", "JudgedVerdict", "judged"]

Given = tuple[CheckedConsultation, tuple[FeedbackEntry, ...]]


@dataclass(frozen=True, slots=True)
class JudgedVerdict:
    """Of the diagnoses with one verdict that were judged: how many were useful, how many wrong, the
    share that was wrong with its interval, and why, by code, most often first."""

    verdict: Verdict
    useful: int
    wrong: int
    share_wrong: Figure
    why: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """`consultations` with at least one judgement, and the verdicts that have any, best first."""

    consultations: int
    verdicts: tuple[JudgedVerdict, ...]


def judged(given: Iterable[Given]) -> Judged:
    """Feedback counted by verdict. A place that a consultation does not have is left out."""
    counts: Counter[tuple[Verdict, str]] = Counter()
    why: dict[Verdict, Counter[str]] = {}
    consultations = 0
    for consultation, entries in given:
        found = judgements_on(entries)
        known = {p: j for p, j in found.items() if p <= len(consultation.assessments)}
        consultations += bool(known)
        for place, judgement in known.items():
            verdict = consultation.assessments[place - 1].verdict
            counts[verdict, judgement.said] += 1
            if judgement.why:
                why.setdefault(verdict, Counter())[judgement.why] += 1
    verdicts = [v for v in Verdict if counts[v, "useful"] + counts[v, "wrong"]]
    return Judged(consultations, tuple(_row(v, counts, why.get(v, Counter())) for v in verdicts))


def _row(
    verdict: Verdict, counts: Counter[tuple[Verdict, str]], why: Counter[str]
) -> JudgedVerdict:
    useful, wrong = counts[verdict, "useful"], counts[verdict, "wrong"]
    share = proportion(wrong, useful + wrong)
    return JudgedVerdict(verdict, useful, wrong, share, tuple(why.most_common()))
