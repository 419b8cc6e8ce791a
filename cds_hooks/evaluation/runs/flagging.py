"""What every flag of a run is worth: as a warning where it is yes or no, as a score otherwise.

A flag on a diagnosis is checked against "this diagnosis is not the truth", a flag on a whole case
against "the truth is not in the list", both by the ancestor rule. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Outcome, Verdict
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, auprc, auroc, proportion
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis

__all__ = ["FEWEST", "FlagRow", "Flags", "RedFlagFigures", "ScoreRow", "measure_flags"]

FEWEST = 10
"""With fewer right, or fewer wrong ones, a figure that needs both is called too few."""

_RULE = MatchRule.ANCESTOR
_ON_CASE, _ON_DIAGNOSIS = "case", "diagnosis"
_RED_FLAG, _UNEXPLAINED = "red-flag", "unexplained-result"
_ALWAYS_ON_CASE = (_RED_FLAG, _UNEXPLAINED, "drug-and-result", "drug-and-problem")
_ALWAYS_ON_DIAGNOSIS = ("drug-may-cause", "unexplained-finding")
# What each verdict says of a diagnosis, best first; a score of 1 is the strongest doubt.
_DOUBT = {
    Verdict.SUPPORTED: 0.0,
    Verdict.RECORDED: 0.0,
    Verdict.PLAUSIBLE: 0.25,
    Verdict.UNCERTAIN: 0.5,
    Verdict.CONTRADICTED: 1.0,
    Verdict.UNRECOGNISED: 1.0,
}


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flag that is there or not, `on` diagnoses or cases.

    `flagged` is how often it is there at all, `precision` the share of flagged ones that are wrong,
    `recall` the share of wrong ones that are flagged, `false_alarms` that of right ones; `enough`
    whether there are right and wrong ones enough to tell these apart.
    """

    check: str
    on: str
    flagged: Figure
    precision: Figure
    recall: Figure
    false_alarms: Figure
    enough: bool


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A score for "wrong", higher for more doubt; `right` and `wrong` are counts behind it."""

    what: str
    on: str
    right: int
    wrong: int
    auroc: Figure
    auprc: Figure
    enough: bool


@dataclass(frozen=True, slots=True)
class RedFlagFigures:
    """How red flags do: `named` is the share of them that name the truth, `caught` how often one
    names the truth where the list does not hold it."""

    named: Figure
    caught: Figure


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags and scores over the diagnoses and the cases of a run that have a list."""

    rows: tuple[FlagRow, ...]
    scores: tuple[ScoreRow, ...]
    red_flags: RedFlagFigures


def measure_flags(results: Sequence[CaseResult]) -> Flags:
    """Cases that did not end in an answer carry no flag and are left out."""
    cases = [r for r in results if r.outcome == Outcome.ANSWERED and r.answers]
    listed = [a for r in cases for a in r.answers]
    return Flags(
        rows=(*_on_diagnoses(listed), *_on_cases(cases)),
        scores=tuple(_scores(cases, listed)),
        red_flags=_red_flags(cases),
    )


def _on_diagnoses(listed: Sequence[ListedDiagnosis]) -> Iterator[FlagRow]:
    wrong = [_RULE not in a.matches for a in listed]

    def row(check: str, there: Callable[[ListedDiagnosis], bool]) -> FlagRow:
        return _row(check, _ON_DIAGNOSIS, [there(a) for a in listed], wrong)

    for verdict in (Verdict.CONTRADICTED, Verdict.UNRECOGNISED):
        yield row(f"verdict {verdict.value}", lambda a, v=verdict: a.verdict is v)  # type: ignore[misc]
    seen = {c for a in listed for c in (*a.flags, *a.noted)}
    for check in sorted(seen | set(_ALWAYS_ON_DIAGNOSIS)):
        yield row(check, lambda a, c=check: c in a.flags or c in a.noted)  # type: ignore[misc]


def _on_cases(cases: Sequence[CaseResult]) -> Iterator[FlagRow]:
    wrong = [r.rank(_RULE) is None for r in cases]
    seen = {n.check for r in cases for n in r.noted}
    for check in sorted(seen | set(_ALWAYS_ON_CASE)):
        there = [any(n.check == check for n in r.noted) for r in cases]
        yield _row(check, _ON_CASE, there, wrong)


def _row(check: str, on: str, there: Sequence[bool], wrong: Sequence[bool]) -> FlagRow:
    both = sum(t and w for t, w in zip(there, wrong, strict=True))
    flagged, bad = sum(there), sum(wrong)
    return FlagRow(
        check=check,
        on=on,
        flagged=proportion(flagged, len(there)),
        precision=proportion(both, flagged),
        recall=proportion(both, bad),
        false_alarms=proportion(flagged - both, len(wrong) - bad),
        enough=_enough(wrong),
    )


def _scores(cases: Sequence[CaseResult], listed: Sequence[ListedDiagnosis]) -> Iterator[ScoreRow]:
    wrong = [_RULE not in a.matches for a in listed]
    for what, doubt in (
        ("verdict", [_DOUBT[a.verdict] for a in listed]),
        ("agreement of samples, little", [1 - a.agreement for a in listed]),
        ("checks that failed", [float(len(a.flags)) for a in listed]),
        ("place in the list", [float(n) for r in cases for n in range(len(r.answers))]),
    ):
        yield _score(what, _ON_DIAGNOSIS, doubt, wrong)
    missing = [r.rank(_RULE) is None for r in cases]
    for what, check in (
        ("red flags", _RED_FLAG),
        ("results left unexplained", _UNEXPLAINED),
    ):
        yield _score(what, _ON_CASE, [_count(r, check) for r in cases], missing)


def _count(result: CaseResult, check: str) -> float:
    """How many red flags there are, or unexplained facts."""
    found = [n for n in result.noted if n.check == check]
    return float(sum(n.facts if check == _UNEXPLAINED else 1 for n in found))


def _score(what: str, on: str, doubt: Sequence[float], wrong: Sequence[bool]) -> ScoreRow:
    bad = sum(wrong)
    return ScoreRow(
        what=what,
        on=on,
        right=len(wrong) - bad,
        wrong=bad,
        auroc=auroc(doubt, wrong),
        auprc=auprc(doubt, wrong),
        enough=_enough(wrong),
    )


def _enough(wrong: Sequence[bool]) -> bool:
    return min(sum(wrong), len(wrong) - sum(wrong)) >= FEWEST


def _red_flags(cases: Sequence[CaseResult]) -> RedFlagFigures:
    named = [n for r in cases for n in r.noted if n.check == _RED_FLAG]
    without = [r for r in cases if r.rank(_RULE) is None]
    caught = sum(any(_RULE in n.matches for n in r.noted) for r in without)
    return RedFlagFigures(
        named=proportion(sum(_RULE in n.matches for n in named), len(named)),
        caught=proportion(caught, len(without)),
    )
