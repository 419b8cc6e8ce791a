"""What a report should say of the simulated hospital, worked out from its parameters alone.

Each is the share that an endless trial would find: sums over what can happen to one encounter, and
no encounter is drawn. Ratios are of expectations, as the report's are of counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from cds_hooks.trial.cases import MatchLevel
from tests.simulated_hospital.catalogue import complaints
from tests.simulated_hospital.lists import AGREEMENTS
from tests.simulated_hospital.parameters import SAMPLES, Parameters, Stratum

__all__ = ["KS", "LEVEL", "expected"]

KS = (1, 3, 5)
LEVEL = MatchLevel.CATEGORY
"""The level at which a report counts something as right where it says no other."""


def expected(parameters: Parameters) -> dict[str, float]:
    """The expectation of every figure that is compared, by its name. With `falls` of the days
    before anything falls."""
    listed = _mean_listed(parameters, "")
    return {
        **_accuracy(parameters, listed),
        **_verdicts(parameters, listed),
        **_votes(parameters, listed),
        **_rules(parameters),
        "named before charted": _named(parameters, listed),
        "hours gained, median": parameters.charted_after_h[0],
        **_seconds(parameters),
        **_subgroups(parameters),
    }


def _mean_listed(parameters: Parameters, group: str) -> float:
    """The share of truths on the list, of all or of one group."""
    inside = [s for s in parameters.strata() if not group or group in (s.age, s.sex, s.hours)]
    return sum(_weighted(parameters, s) for s in inside) / sum(s.share for s in inside)


def _weighted(parameters: Parameters, stratum: Stratum) -> float:
    return stratum.share * parameters.listed_in(stratum)


def _within(parameters: Parameters, level: MatchLevel) -> float:
    return sum(share for near, share in parameters.levels.items() if level in near.within)


def _top(parameters: Parameters, listed: float, k: int, level: MatchLevel) -> float:
    """The truth is on the list, near enough, not struck out, and fewer than `k` are shown before
    it: supported ones come first, and else the list's order stays."""
    shown = 0.0
    for share, votes, place in _placed(parameters, listed):
        if place is not None:
            shown += share * _ahead_at_most(parameters, k - 1, place, len(votes) - 1 - place)
    near = _within(parameters, level) * (1 - parameters.refuted[0])
    return (1 - parameters.empty) * near * shown


def _ahead_at_most(parameters: Parameters, most: int, before: int, after: int) -> float:
    """That at most so many are shown before the truth, of those before and after it on the list."""
    wrong_refuted, wrong_cited, truth_cited = (
        parameters.refuted[1], parameters.cited[1], parameters.cited[0],
    )  # fmt: skip
    supported = (1 - wrong_refuted) * wrong_cited
    as_supported = sum(_binomial(before, i, supported) for i in range(most + 1))
    as_plausible = sum(
        _binomial(before, i, 1 - wrong_refuted) * _binomial(after, j, supported)
        for i in range(most + 1)
        for j in range(most + 1 - i)
    )
    return truth_cited * as_supported + (1 - truth_cited) * as_plausible


def _binomial(n: int, hits: int, share: float) -> float:
    return math.comb(n, hits) * share**hits * (1 - share) ** (n - hits)


def _accuracy(parameters: Parameters, listed: float) -> dict[str, float]:
    return {
        f"top-{k}, {level}": _top(parameters, listed, k, level) for k in KS for level in MatchLevel
    }


def _subgroups(parameters: Parameters) -> dict[str, float]:
    groups = (*parameters.ages, *parameters.sexes, *parameters.hours)
    return {
        f"top-{k}, {group}": _top(parameters, _mean_listed(parameters, group), k, LEVEL)
        for group in groups
        for k in (1, 3)
    }


def _verdicts(parameters: Parameters, listed: float) -> dict[str, float]:
    """Of diagnoses struck out, and of those that are supported, the share that was charted."""
    wrong = sum(
        share * (len(votes) - (place is not None))
        for share, votes, place in _placed(parameters, listed)
    )
    (truth_refuted, wrong_refuted), (truth_cited, wrong_cited) = (
        parameters.refuted,
        parameters.cited,
    )
    right = listed * _within(parameters, LEVEL) * (1 - parameters.uncharted)
    struck = listed * truth_refuted + wrong * wrong_refuted
    by_truth, by_wrong = (1 - truth_refuted) * truth_cited, (1 - wrong_refuted) * wrong_cited
    supported = right * by_truth / (listed * by_truth + wrong * by_wrong)
    lost = (1 - parameters.empty) * listed * _within(parameters, LEVEL) * truth_refuted
    return {
        "struck out and right": right * truth_refuted / struck,
        "lost by striking out": lost,
        "supported and right": supported,
        "supported and wrong": 1 - supported,
    }


def _placed(
    parameters: Parameters, listed: float
) -> Iterator[tuple[float, tuple[int, ...], int | None]]:
    """Every kind of list with its share: the votes of its places, and the place of the truth."""
    places: list[tuple[int | None, float]] = [
        (place, listed * share) for place, share in enumerate(parameters.places)
    ]
    for place, share in [*places, (None, 1 - listed)]:
        first = parameters.first_right if place == 0 else parameters.first_wrong
        for votes, by_votes in zip(AGREEMENTS, first, strict=True):
            yield share * by_votes, votes, place


def _votes(parameters: Parameters, listed: float) -> dict[str, float]:
    """How often what so many samples name is right, of what is shown; and the Brier score."""
    shown, right = dict.fromkeys((1, 2, 3), 0.0), dict.fromkeys((1, 2, 3), 0.0)
    near = _within(parameters, LEVEL) * (1 - parameters.uncharted)
    truth_stays, wrong_stays = (1 - each for each in parameters.refuted)
    for share, votes, truth in _placed(parameters, listed):
        for place, own in enumerate(votes):
            shown[own] += share * (truth_stays if place == truth else wrong_stays)
            right[own] += share * truth_stays * near * (place == truth)
    brier = sum(
        right[v] * (1 - v / SAMPLES) ** 2 + (shown[v] - right[v]) * (v / SAMPLES) ** 2
        for v in shown
    )
    told = {f"right of {v} in {SAMPLES} votes": right[v] / shown[v] for v in shown}
    return {**told, "Brier score of votes": brier / sum(shown.values())}


def _named(parameters: Parameters, listed: float) -> float:
    near = listed * _within(parameters, LEVEL) * (1 - parameters.refuted[0])
    return (1 - parameters.empty) * near


def _rules(parameters: Parameters) -> dict[str, float]:
    """How often a rule that fired was right, and in how many of its diseases it fired."""
    right, wrong = parameters.fires
    found, hits, fired = {}, 0.0, 0.0
    for complaint in complaints():
        if complaint.rule is None:
            continue
        one = 1 / len(complaint.truths)
        hit, all_fired = one * right * (1 - parameters.uncharted), one * right + (1 - one) * wrong
        found[f"{complaint.rule.id}: right where it fired"] = hit / all_fired
        found[f"{complaint.rule.id}: fired where it was right"] = right
        hits, fired = hits + hit, fired + all_fired
    return {**found, "rules: right where they fired": hits / fired, "rules: missed": 1 - right}


def _seconds(parameters: Parameters) -> dict[str, float]:
    median, sigma = parameters.seconds
    return {"seconds, median": median, "seconds, mean": median * math.exp(sigma**2 / 2)}
