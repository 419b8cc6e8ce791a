"""No small count is told, and none can be worked out from what is."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit.day_counts import Counts
from cds_hooks.statistics import Period, Report, make_report
from cds_hooks.statistics.suppression import CMS_SMALLEST, Share, hidden, share_of

SERVICES = ("a", "b", "c")
DAYS = ("2026-11-03", "2026-11-12", "2026-11-20", "2026-11-24")


def test_the_smallest_count_is_the_policys() -> None:
    """CMS Cell Size Suppression Policy: no cell of 1 to 10; 0 may be reported."""
    assert CMS_SMALLEST == 11


@pytest.mark.parametrize(
    ("count", "of", "told"),
    [
        (0, 0, (0, 0)),
        (0, 10, (None, None)),
        (0, 11, (0, 11)),
        (1, 100, (None, 100)),
        (10, 100, (None, 100)),
        (11, 100, (11, 100)),
        (89, 100, (89, 100)),
        (90, 100, (None, 100)),  # the rest of 10 would be told
        (99, 100, (None, 100)),
        (100, 100, (100, 100)),
    ],
)
def test_neither_a_small_count_nor_a_small_rest_is_told(
    count: int, of: int, told: tuple[int | None, int | None]
) -> None:
    share = share_of(count, of, 11)
    assert (share.count, share.of) == told
    assert (share.share is None) == (share.count is None or not of)


def test_a_share_has_wilsons_interval() -> None:
    # R. G. Newcombe, Stat Med 1998;17:857-872, table I, method 3.
    share = share_of(81, 263, 11)
    assert (share.low, share.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "places"),
    [
        ([50, 40, 30], set()),
        ([50, 40, 0], set()),
        ([50, 40, 5], {1, 2}),  # 5 alone would be the total less 90
        ([50, 40, 5, 6], {2, 3}),  # 11 together
        ([50, 40, 5, 5], {1, 2, 3}),  # 10 together
        ([5, 0, 0], {0}),  # the total is as small
    ],
)
def test_parts_of_a_total_are_hidden_until_none_can_be_worked_out(
    counts: list[int], places: set[int]
) -> None:
    assert hidden([counts], 11) == places


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(1, 15))
def test_what_is_hidden_is_never_a_small_sum(counts: list[int], least: int) -> None:
    found = hidden([counts], least)
    shown = [count for place, count in enumerate(counts) if place not in found]
    assert not any(0 < count < least for count in shown)
    rest = sum(counts) - sum(shown)
    assert not 0 < rest < least or not any(shown)
    assert len(found) != 1 or not any(shown)


def _counts(values: list[int]) -> Counts:
    """One flag in each service and week, of 60 consultations each."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for place, value in enumerate(values):
        key = (DAYS[place // len(SERVICES)], SERVICES[place % len(SERVICES)])
        found[key] = Counter({"all|read": 60, "all|consultation": 60, "all|flag:rule:x": value})
    return found


def _flag(report: Report) -> Share:
    return next((each.share for each in report.flags), Share(0, 0))


def _worked_out(total: Share, parts: list[Share]) -> int | None:
    """What whoever subtracts learns of the parts that are not told, together."""
    if total.count is None or all(part.count is not None for part in parts):
        return None
    return total.count - sum(part.count or 0 for part in parts)


@given(st.lists(st.integers(0, 60), min_size=12, max_size=12))
def test_subtracting_the_figures_of_pages_tells_no_small_count(values: list[int]) -> None:
    """Of the weeks of one page, and of the pages of all services from the page of all together."""
    counts, period = _counts(values), Period(4, date(2026, 11, 29))
    whole = make_report(counts, period, least=11)
    each = [make_report(counts, period, service=name, least=11) for name in SERVICES]
    services: list[Any] = [_worked_out(_flag(whole), [_flag(one) for one in each])]
    weeks = [
        _worked_out(_flag(one), [week.share for week in drift.weeks])
        for one in (whole, *each)
        for drift in one.drift
        if drift.flag == "rule:x"
    ]
    by_week = [
        _worked_out(_week(whole, week), [_week(one, week) for one in each]) for week in range(4)
    ]
    assert not [n for n in (*services, *weeks, *by_week) if n is not None and 0 < n < 11]


def _week(report: Report, place: int) -> Share:
    drifts = [each for each in report.drift if each.flag == "rule:x"]
    return drifts[0].weeks[place].share if drifts else Share(0, 0)
