"""Two runs over the same cases, compared case by case. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, Paired, bootstrap, compare
from cds_hooks.evaluation.runs.results import CaseResult

__all__ = ["Comparison", "CostComparison", "compare_runs"]


@dataclass(frozen=True, slots=True)
class CostComparison:
    """Medians of both runs, and the median over cases of second / first."""

    what: str
    first: Figure
    second: Figure
    ratio: Figure


@dataclass(frozen=True, slots=True)
class Comparison:
    """Accuracy and names, each with its exact McNemar test, and costs.

    `right` is whether the truth is among the first `at` diagnoses by `match`; `recognised` whether
    a case has diagnoses and the terminology knows each; `listed` whether no sample answered off
    a closed list. `alone` are the numbers of cases that only one run holds: they are left out.
    """

    match: MatchRule
    at: int
    right: Paired
    recognised: Paired
    listed: Paired
    costs: tuple[CostComparison, ...]
    alone: tuple[int, int]


def compare_runs(
    first: Sequence[CaseResult], second: Sequence[CaseResult], *, match: MatchRule, at: int = 1
) -> Comparison:
    """By case id; the order in which cases were answered does not matter."""
    one, two = ({r.case: r for r in results} for results in (first, second))

    def paired(so: Callable[[CaseResult], bool]) -> Paired:
        return compare(*({case: so(r) for case, r in run.items()} for run in (one, two)))

    def right(result: CaseResult) -> bool:
        rank = result.rank(match)
        return rank is not None and rank <= at

    shared = [(one[case], two[case]) for case in one if case in two]
    return Comparison(
        match=match,
        at=at,
        right=paired(right),
        recognised=paired(_recognised),
        listed=paired(lambda r: r.off_list == 0),
        costs=tuple(_cost(what, of, shared) for what, of in _COSTS.items()),
        alone=(len(one) - len(shared), len(two) - len(shared)),
    )


def _recognised(result: CaseResult) -> bool:
    return bool(result.answers) and all(
        a.verdict is not Verdict.UNRECOGNISED for a in result.answers
    )


_COSTS: Mapping[str, Callable[[CaseResult], float]] = {
    "seconds a case": lambda r: r.seconds,
    "tokens of the prompt": lambda r: r.tokens.get("prompt", 0),
    "tokens of the answer": lambda r: r.tokens.get("answer", 0),
}


def _cost(
    what: str, of: Callable[[CaseResult], float], shared: Sequence[tuple[CaseResult, CaseResult]]
) -> CostComparison:
    pairs = [(of(a), of(b)) for a, b in shared if of(a) > 0 and of(b) > 0]
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    return CostComparison(what, *map(_median, (first, second, [b / a for a, b in pairs])))


def _median(values: Sequence[float]) -> Figure:
    return bootstrap(lambda drawn: float(np.median(drawn[0])), [values])
