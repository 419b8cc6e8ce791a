"""The size of a trial, with literals worked out by hand."""

from __future__ import annotations

import pytest

from cds_hooks.intervals import wilson
from cds_hooks.trial.plan import cases_needed, half_width, plan


@pytest.mark.parametrize(
    ("width", "share", "cases"),
    [
        # z^2 * (1 / (4 w^2) - 1) for a share of one half: 3.8415 * 99 = 380.3
        (0.05, 0.5, 381),
        (0.1, 0.5, 93),  # 3.8415 * 24 = 92.2
        (0.02, 0.5, 2398),  # 3.8415 * 624 = 2397.1
        # z^2 / (2 w) - z^2 for a share of 0, where the half width is z^2 / (2 (n + z^2))
        (0.05, 0.0, 35),  # 38.415 - 3.841 = 34.57
        (0.05, 1.0, 35),
    ],
)
def test_cases_for_a_half_width(width: float, share: float, cases: int) -> None:
    assert cases_needed(width, share) == cases
    assert half_width(share, cases) <= width < half_width(share, cases - 1)


def test_the_half_width_is_that_of_the_interval_of_the_report() -> None:
    low, high = wilson(30, 100)
    assert half_width(0.3, 100) == pytest.approx((high - low) / 2)


def test_consultations_and_days_follow_from_the_shares() -> None:
    told = plan(0.05, with_outcome=0.5, silent_share=0.5, first_hooks=0.8, hooks_per_day=100)
    assert (told.cases, told.consultations) == (381, 762)
    assert (told.days, told.until_report) == (20, 50)  # 762 / 40 = 19.05, and 30 days of window
    assert plan(0.05).days is None


def test_several_cases_of_a_patient_ask_for_more() -> None:
    told = plan(0.05, cases_per_patient=3, correlation=0.2)
    assert (told.design_effect, told.cases) == (pytest.approx(1.4), 534)  # 533.4


def test_a_subgroup_of_a_tenth_is_told_less_well() -> None:
    assert plan(0.05).group_width == pytest.approx(half_width(0.5, 38))


@pytest.mark.parametrize("width", [0.0, -0.1, 0.5, 1.0])
def test_a_width_that_is_none_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="width"):
        cases_needed(width, 0.5)


@pytest.mark.parametrize(
    "given",
    [{"with_outcome": 0.0}, {"silent_share": 1.1}, {"correlation": -0.1}, {"hooks_per_day": -1}],
)
def test_shares_of_which_nothing_comes_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"shares|hooks"):
        plan(0.05, **given)
