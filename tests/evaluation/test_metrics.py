"""Known values and laws of the metrics."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.metrics import (
    Ballot,
    Ties,
    auprc,
    auroc,
    bootstrap,
    calibration,
    compare,
    majority,
    mcnemar,
    mean,
    mean_reciprocal_rank,
    pass_at_k,
    plurality,
    proportion,
    rank,
    top,
    verdict_confusion,
    wilson,
)
from cds_hooks.evaluation.metrics.curves import area_under_roc, average_precision

SCORED = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30)
RANKS = st.lists(st.none() | st.integers(1, 20), min_size=1, max_size=30)
VOTES = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=9)


def counted_auroc(pairs: list[tuple[float, bool]]) -> float:
    right = [s for s, t in pairs if t]
    wrong = [s for s, t in pairs if not t]
    wins = sum((a > b) + 0.5 * (a == b) for a in right for b in wrong)
    return wins / (len(right) * len(wrong))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # R. G. Newcombe, Stat Med 1998;17:857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    hits, n = counts
    low, high = wilson(hits, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= hits / n <= high
        assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low))


def test_nothing_is_known_without_cases() -> None:
    figure = proportion(0, 0)
    assert not figure.known
    assert (figure.n, figure.low, figure.high) == (0, 0.0, 1.0)
    assert not mean([]).known


@pytest.mark.parametrize(("hits", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        wilson(hits, n)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.integers(0, 9))
def test_a_bootstrap_is_the_same_for_the_same_seed(values: list[float], seed: int) -> None:
    def one() -> object:
        return bootstrap(lambda drawn: float(drawn[0].mean()), [values], seed=seed, resamples=50)

    first = one()
    assert first == one()
    assert min(values) - 1e-9 <= first.low <= first.high <= max(values) + 1e-9


def test_a_bootstrap_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = [float(i % 2) for i in range(400)]
    figure = mean(values)
    assert figure.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.01)
    assert figure.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.01)


@given(RANKS, st.integers(1, 20))
def test_top_k_grows_with_k_and_bounds_the_reciprocal_rank(ranks: list[int | None], k: int) -> None:
    assert top(ranks, k).value <= top(ranks, k + 1).value
    mrr = sum(1 / r for r in ranks if r) / len(ranks)
    assert top(ranks, 1).value - 1e-12 <= mrr <= top(ranks, 20).value + 1e-12


def test_reciprocal_ranks_are_averaged_with_misses_as_nothing() -> None:
    assert mean_reciprocal_rank([1, 2, None, 4]).value == pytest.approx((1 + 0.5 + 0.25) / 4)


def test_a_rank_counts_from_one_by_the_rule_handed_in() -> None:
    answers = ["Gout", "Pseudogout", "gout"]
    assert rank("gout", answers, lambda g, a: g == a) == 3
    assert rank("gout", answers, lambda g, a: g == a.casefold()) == 1
    assert rank("gout", [], lambda g, a: True) is None


@given(
    st.integers(1, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(case: tuple[int, int, int]) -> None:
    right, n, k = case
    drawn = list(combinations(range(n), k))
    expected = Fraction(sum(any(i < right for i in d) for d in drawn), len(drawn))
    assert pass_at_k([right], [n], k).value == pytest.approx(float(expected))


def test_pass_at_k_needs_enough_samples() -> None:
    with pytest.raises(ValueError, match="at least k"):
        pass_at_k([1], [2], 3)


@given(VOTES)
def test_a_majority_is_more_than_half_or_nothing(votes: list[str]) -> None:
    won = majority(votes)
    assert not won or 2 * votes.count(won) > len(votes)
    most = plurality(votes)
    assert all(votes.count(v) <= votes.count(most) for v in votes)
    assert majority(votes, ties=Ties.FIRST) == most


def test_a_tie_goes_to_the_first_only_where_that_is_the_rule() -> None:
    assert majority(["b", "a", "c"]) == ""
    assert majority(["b", "a", "c"], ties=Ties.FIRST) == "b"
    assert majority(["a", "b", "b"]) == "b"


def test_a_ballot_tells_models_from_samples() -> None:
    ballot = Ballot({"x": ("a", "a", "a"), "y": ("b", "b", "a"), "z": ("b", "b", "b")})
    assert ballot.winner == "b"
    assert ballot.share == pytest.approx(5 / 9)
    assert ballot.backing("b") == pytest.approx(2 / 3)
    assert ballot.union == {"a", "b"}
    assert not ballot.unanimous
    assert sum(ballot.shares().values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [(0, 0, 1.0), (0, 5, 0.0625), (1, 9, 22 / 1024), (10, 10, 1.0), (2, 8, 112 / 1024)],
)
def test_mcnemar_is_exact(one: int, other: int, p: float) -> None:
    assert mcnemar(one, other) == pytest.approx(p)
    assert mcnemar(other, one) == mcnemar(one, other)


def test_mcnemar_does_not_overflow() -> None:
    assert 0 <= mcnemar(900, 2100) < 1e-100


def test_runs_are_compared_on_the_cases_they_share() -> None:
    paired = compare(
        {"1": True, "2": True, "3": False, "x": True}, {"3": True, "2": False, "1": True}
    )
    assert paired.n == 3
    assert paired.only_first == ("2",)
    assert paired.only_second == ("3",)
    assert paired.p == 1.0


@given(SCORED)
def test_auroc_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([s for s, _ in pairs], dtype=np.float64)
    truths = np.array([t for _, t in pairs], dtype=np.float64)
    found = area_under_roc(scores, truths)
    if len(set(truths)) < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(counted_auroc([(float(s), t) for s, t in pairs]))
        assert area_under_roc(-scores, truths) == pytest.approx(1 - found)


def test_a_flag_carries_its_interval() -> None:
    figure = auroc([1, 2, 3, 4, 5, 6], [False, False, True, False, True, True])
    assert figure.value == pytest.approx(8 / 9)
    assert figure.n == 6
    assert 0 <= figure.low < figure.value <= figure.high <= 1


def test_average_precision_of_a_known_ranking() -> None:
    # Truths at places 1 and 3 of four: (1/1 + 2/3) / 2.
    assert auprc([4, 3, 2, 1], [True, False, True, False]).value == pytest.approx(5 / 6)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_average_precision_without_skill_is_the_share(truths: list[bool]) -> None:
    found = average_precision(np.full(len(truths), 0.5), np.array(truths, dtype=np.float64))
    assert (
        math.isnan(found) if not any(truths) else found == pytest.approx(sum(truths) / len(truths))
    )


def test_calibration_of_a_known_case() -> None:
    made = calibration([0.9] * 10 + [0.1] * 10, [True] * 8 + [False] * 12)
    assert [b.stated for b in made.bins] == pytest.approx([0.1, 0.9])
    assert [b.observed.value for b in made.bins] == pytest.approx([0.0, 0.8])
    assert made.error.value == pytest.approx(0.1)
    assert made.brier.value == pytest.approx((10 * 0.01 + 8 * 0.01 + 2 * 0.81) / 20)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=25))
def test_each_case_is_in_one_bin(pairs: list[tuple[float, bool]]) -> None:
    made = calibration([s for s, _ in pairs], [t for _, t in pairs])
    assert sum(b.observed.n for b in made.bins) == len(pairs)
    assert all(b.low - 1e-9 <= b.stated <= b.high + 1e-9 for b in made.bins)
    assert 0 <= made.error.value <= 1


def test_shares_beyond_one_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration([1.2], [True])


def test_every_verdict_has_its_row() -> None:
    rows = verdict_confusion([(Verdict.SUPPORTED, True), (Verdict.SUPPORTED, False)])
    assert [r.verdict for r in rows] == list(Verdict)
    assert (rows[0].right, rows[0].wrong, rows[0].true.value) == (1, 1, 0.5)
    assert not rows[1].true.known
