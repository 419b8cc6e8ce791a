"""Which diagnosis of an open-ended run stands first: by greedy decoding, votes, or a verifier.

The verifier is cross-fitted: cases fall into two halves by the digest of their ids, and each half
is ranked by what the other taught. Where a half has too little to learn from, nothing is fitted
and no figure is given.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, Paired, auroc, compare, proportion
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Said
from cds_hooks.evaluation.trained_cases import id_digest
from cds_hooks.evaluation.verifier.fitting import fit
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.verifier import VerifierError, fixed_rules, rank_by_rules

__all__ = ["Chosen", "OpenEnded", "Signal", "measure_open_ended"]

FIRST, VOTE, WEIGHTED, LIKELIEST = "first sample", "vote", "weighted vote", "likeliest name"
RULES, VERIFIER, GREEDY, BOUND = "fixed rules", "verifier", "greedy", "any sample (bound)"
_LISTED = 5
Order = Sequence[bool]
"""Whether each diagnosis is right, best first."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """How often the truth stood first, and among the first five; `against_vote` is paired by case
    on the first."""

    method: str
    top1: Figure
    top5: Figure
    against_vote: Paired


@dataclass(frozen=True, slots=True)
class Signal:
    """How well one figure tells right diagnoses from wrong ones, of those that have it."""

    name: str
    area: Figure
    right: int
    diagnoses: int


@dataclass(frozen=True, slots=True)
class OpenEnded:
    """`unfitted` says why there is no verifier; `fewer` counts cases that a greedy run lacks."""

    cases: int
    chosen: tuple[Chosen, ...]
    signals: tuple[Signal, ...]
    unfitted: str = ""
    fewer: int = 0


def measure_open_ended(
    suite: str,
    results: Sequence[CaseResult],
    cases: Sequence[LabelledCase],
    match: MatchRule,
    greedy: Sequence[CaseResult] = (),
) -> OpenEnded:
    """`cases` are the answered ones of `results`, of this suite; of `greedy` those of the same id
    are read. Cases without an answer count as wrong."""
    seen = {case.case: case for case in cases}
    known = {r.case: c for r in results if (c := seen.get(id_digest(suite, r.case))) is not None}
    orders: dict[str, dict[str, Order]] = {
        FIRST: {r.case: [match in s.matches for s in _first(r)] for r in results},
        VOTE: {r.case: _by(r, match, lambda a: a.agreement) for r in results},
        WEIGHTED: {r.case: _by(r, match, _weight) for r in results},
        LIKELIEST: {r.case: _by(r, match, _log) for r in results},
        RULES: {r.case: _ranked(known.get(r.case), _rules) for r in results},
        BOUND: {r.case: sorted(_by(r, match, lambda _: 0.0), reverse=True) for r in results},
    }
    unfitted = ""
    try:
        orders[VERIFIER] = {r.case: () for r in results} | _cross_fitted(known)
    except VerifierError as error:
        unfitted = error.message
    asked = {r.case: r for r in greedy if r.case in orders[VOTE]}
    if asked:
        orders[GREEDY] = {c: _by(r, match, lambda _: 0.0) for c, r in asked.items()}
    vote = {case: _within(order, 1) for case, order in orders[VOTE].items()}
    return OpenEnded(
        cases=len(results),
        chosen=tuple(_chosen(method, found, vote) for method, found in orders.items()),
        signals=tuple(_signals(results, match)),
        unfitted=unfitted,
        fewer=len(results) - len(asked) if greedy else 0,
    )


def _first(result: CaseResult) -> tuple[Said, ...]:
    return result.samples[0] if result.samples else ()


def _by(result: CaseResult, match: MatchRule, worth: Callable[[ListedDiagnosis], float]) -> Order:
    """By falling worth; of equals the one that was merged first, which is by votes and ranks."""
    ordered = sorted(result.answers, key=lambda answer: -worth(answer))
    return [match in answer.matches for answer in ordered]


def _weight(answer: ListedDiagnosis) -> float:
    """Its share of votes, times the probability of a token of its name where that is known."""
    if answer.log_probability is None or not answer.tokens:
        return answer.agreement
    return answer.agreement * math.exp(answer.log_probability / answer.tokens)


def _log(answer: ListedDiagnosis) -> float:
    """Where names are searched, greedy decoding takes the likeliest of all."""
    return -math.inf if answer.log_probability is None else answer.log_probability


def _rules(case: LabelledCase) -> Sequence[int]:
    return rank_by_rules(fixed_rules(), case.evidence).order


def _ranked(case: LabelledCase | None, order: Callable[[LabelledCase], Sequence[int]]) -> Order:
    return () if case is None else [case.right[index] for index in order(case)]


def _cross_fitted(known: Mapping[str, LabelledCase]) -> dict[str, Order]:
    """Raises VerifierError where a half has too little to learn from."""
    halves: tuple[list[str], list[str]] = ([], [])
    for case in known:
        halves[hashlib.sha256(f"half\0{case}".encode()).digest()[0] % 2].append(case)
    found: dict[str, Order] = {}
    for learn, read in (halves, halves[::-1]):
        fitted = fit([known[case] for case in learn])

        def order(
            case: LabelledCase, scores: Callable[..., list[float]] = fitted.scores
        ) -> list[int]:
            own, votes = scores(case), [f.get("vote_share", 0.0) for f in case.features]
            return sorted(range(len(own)), key=lambda i: (-round(own[i], 9), -votes[i], i))

        found |= {case: _ranked(known[case], order) for case in read}
    return found


def _chosen(method: str, orders: Mapping[str, Order], vote: Mapping[str, bool]) -> Chosen:
    firsts, fives = ([_within(order, k) for order in orders.values()] for k in (1, _LISTED))
    return Chosen(
        method=method,
        top1=proportion(sum(firsts), len(firsts)),
        top5=proportion(sum(fives), len(fives)),
        against_vote=compare(dict(zip(orders, firsts, strict=True)), vote),
    )


def _within(order: Order, count: int) -> bool:
    return any(order[:count])


def _signals(results: Sequence[CaseResult], match: MatchRule) -> list[Signal]:
    told: dict[str, Callable[[ListedDiagnosis], float | None]] = {
        "votes": lambda a: a.agreement,
        "log-probability": lambda a: a.log_probability,
        "log-probability per token": lambda a: (
            a.log_probability / a.tokens if a.log_probability is not None and a.tokens else None
        ),
        "P(true)": lambda a: a.p_true,
        "second view": lambda a: a.second_view,
    }
    answers = [answer for result in results for answer in result.answers]
    found = []
    for name, of in told.items():
        pairs = [(value, match in a.matches) for a in answers if (value := of(a)) is not None]
        right = [ok for _, ok in pairs]
        if 0 < sum(right) < len(right):
            area = auroc([value for value, _ in pairs], right)
            found.append(Signal(name, area, sum(right), len(right)))
    return found
