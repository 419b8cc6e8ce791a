"""Methods against their published examples, and small figures worked out by hand."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.statistics.proportions import difference, holm, p_value
from cds_hooks.statistics.quantiles import quantile, rounded


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((0, 10, 0, 20), -0.1611, 0.2775),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    """Examples of R. G. Newcombe, Stat Med 1998;17:873-890, table II, method 10."""
    assert difference(*counts)[1:] == pytest.approx((low, high), abs=5e-5)


def test_the_test_is_the_n_minus_1_chi_squared_test() -> None:
    # 20 of 100 and 36 of 100: chi-squared (200 * (20*64 - 36*80)^2) / (100*100*56*144) = 6.3492,
    # times 199/200 = 6.3175; p of 1 degree of freedom by a table 0.0120.
    assert p_value(20, 100, 36, 100) == pytest.approx(0.01195, abs=5e-5)
    assert p_value(20, 100, 20, 100) == pytest.approx(1.0)


def test_it_is_not_done_where_less_than_one_case_is_expected() -> None:
    assert p_value(1, 10, 0, 10) is None  # 0.5 expected on each side
    assert p_value(2, 10, 0, 10) is not None  # 1 on each side
    assert p_value(0, 50, 0, 50) is None
    assert p_value(50, 50, 50, 50) is None


def test_p_values_are_corrected_by_holms_method() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.5, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()


@pytest.mark.parametrize(
    ("ms", "kept"),
    [(0, 0), (9, 9), (99, 99), (100, 100), (104, 100), (106, 110), (1234, 1200), (98_765, 99_000)],
)
def test_durations_are_kept_to_two_digits(ms: int, kept: int) -> None:
    assert rounded(ms) == kept


def test_a_quantile_is_a_value_that_was_seen() -> None:
    found = quantile({10: 50, 20: 49, 1000: 1}, 0.5)
    assert found is not None
    assert (found.ms, found.n) == (10, 100)
    # Ranks 40 and 61 of 100, as tables of the sign test have them.
    assert (found.low, found.high) == (10, 20)
    tail = quantile({10: 50, 20: 49, 1000: 1}, 0.95)
    assert tail is not None
    assert (tail.ms, tail.low, tail.high) == (20, 20, None)  # ranks 95, 90 and 101


def test_of_few_values_a_bound_may_not_be_known() -> None:
    found = quantile({5: 1, 7: 1, 9: 1}, 0.95)
    assert found is not None
    assert (found.ms, found.high) == (9, None)
    assert quantile({}, 0.5) is None


def test_the_interval_of_a_median_holds_it_in_19_of_20_samples() -> None:
    """The chance that ranks 40 and 61 of 100 are on both sides of the median, exactly."""
    chance = sum(comb(100, k) for k in range(40, 61)) / 2**100
    assert 0.95 < chance < 0.97


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=60), st.sampled_from([0.5, 0.95]))
def test_rounding_first_or_last_gives_the_same(values: list[int], share: float) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[rounded(value)] = counts.get(rounded(value), 0) + 1
    found = quantile(counts, share)
    rank = -(-len(values) * round(share * 100) // 100)
    assert found is not None
    assert found.ms == rounded(sorted(values)[rank - 1])
