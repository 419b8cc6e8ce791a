"""How often a list named what the patient turned out to have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Verdict
from cds_hooks.figures import Figure
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.trial.report.clusters import Counted, Patients
from cds_hooks.trial.report.judged import JudgedCase, JudgedDiagnosis
from cds_hooks.trial.report.report_settings import RANKS

__all__ = ["AccuracyRow", "StruckOut", "VerdictRow", "accuracy", "struck_out", "verdicts"]


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """`named` is the share of cases in which one of the first `k` shown diagnoses matches any of
    the outcomes at `level`; `recall` the share of outcomes that one of them matches."""

    level: MatchLevel
    k: int
    named: Figure
    recall: Figure


@dataclass(frozen=True, slots=True)
class StruckOut:
    """What the rules took from the lists, and what they let stand, over all judged cases.

    `right` of the struck-out diagnoses match an outcome. `lost` is the share of cases with an
    outcome in which a struck-out diagnosis matches one and none that was shown does.
    `supported_wrong` is the share of diagnoses with the verdict "supported" that match none.
    """

    right: Figure
    lost: Figure
    supported_wrong: Figure


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """The share of the diagnoses with one verdict that match an outcome."""

    verdict: Verdict
    right: Figure


def accuracy(cases: Sequence[JudgedCase], patients: Patients) -> tuple[AccuracyRow, ...]:
    """One row for each level and k, over cases with an outcome."""
    return tuple(
        AccuracyRow(
            level,
            k,
            patients.share(_of_cases(cases, lambda c, k=k, at=level: c.within(k, at))),  # type: ignore[misc]
            patients.share(_recalled(cases, k, level)),
        )
        for level in MatchLevel
        for k in RANKS
    )


def struck_out(judged: Sequence[JudgedCase], level: MatchLevel, patients: Patients) -> StruckOut:
    """What was right and struck out, and what was wrong and supported."""
    found = [each for each in judged if each.outcomes]
    return StruckOut(
        right=patients.share(_of_diagnoses(judged, level, lambda d: d.proposed.struck_out)),
        lost=patients.share(_of_cases(found, lambda case: _is_lost(case, level))),
        supported_wrong=patients.share(
            [
                Counted(each.patient, 1 - each.value)
                for each in _of_diagnoses(judged, level, _is_supported)
            ]
        ),
    )


def verdicts(
    judged: Sequence[JudgedCase], level: MatchLevel, patients: Patients
) -> tuple[VerdictRow, ...]:
    """One row for each verdict, the best first, also where nothing was given it."""
    return tuple(
        VerdictRow(
            verdict,
            patients.share(
                _of_diagnoses(judged, level, lambda d, v=verdict: d.proposed.verdict is v)  # type: ignore[misc]
            ),
        )
        for verdict in Verdict
    )


def _of_cases(cases: Iterable[JudgedCase], is_hit: Callable[[JudgedCase], bool]) -> list[Counted]:
    return [Counted(each.case.patient, float(is_hit(each))) for each in cases]


def _of_diagnoses(
    cases: Iterable[JudgedCase], level: MatchLevel, wanted: Callable[[JudgedDiagnosis], bool]
) -> list[Counted]:
    return [
        Counted(each.case.patient, float(diagnosis.right(level)))
        for each in cases
        for diagnosis in each.diagnoses
        if wanted(diagnosis)
    ]


def _recalled(cases: Iterable[JudgedCase], k: int, level: MatchLevel) -> list[Counted]:
    return [
        Counted(each.case.patient, float(rank is not None and rank <= k))
        for each in cases
        for rank in (outcome.ranks[level] for outcome in each.outcomes)
    ]


def _is_supported(diagnosis: JudgedDiagnosis) -> bool:
    return diagnosis.proposed.verdict is Verdict.SUPPORTED and not diagnosis.proposed.struck_out


def _is_lost(case: JudgedCase, level: MatchLevel) -> bool:
    shown = any(each.right(level) for each in case.shown)
    return not shown and any(each.right(level) for each in case.diagnoses)
