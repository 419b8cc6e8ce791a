"""Lengths of time read from sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.plausibility.chart.durations import Duration, durations


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Cough for 3 days", 3, 3),
        ("cough for the past 2 weeks", 14, 14),
        ("a 2-month history of cough", 60.8, 60.8),
        ("Low mood for one week", 7, 7),
        ("headache that began 5 days ago", 5, 5),
        ("pain x 10 days", 10, 10),
        ("fever of 2 days' duration", 2, 2),
        ("for 2 to 3 weeks", 14, 21),
        ("for 2-3 weeks", 14, 21),
        ("tics for two years", 730.5, 730.5),
        ("weakness lasting 12 hours", 0.5, 0.5),
        ("for more than 6 months", 182.4, None),
        ("for at least 4 weeks", 28, None),
        ("pain intensifying over 2 months", 60.8, None),
        ("over the past 2 months", 60.8, 60.8),
        ("for less than 2 weeks", None, 14),
        ("for up to 3 days", None, 3),
        ("for a week", 7, 7),
    ],
)
def test_a_length_of_time_is_read(text: str, least: float | None, most: float | None) -> None:
    (found,) = durations(text)
    assert found == Duration(
        None if least is None else pytest.approx(least, rel=0.01),
        None if most is None else pytest.approx(most, rel=0.01),
    )


@pytest.mark.parametrize(
    "text",
    [
        "A 3-year-old boy", "a child of 3 years of age", "for several weeks", "long-standing cough",
        "takes it every 2 days", "twice a day", "3 times a week", "2 weeks", "", "day 3",
        "since childhood", "cough for weeks",
    ],
)  # fmt: skip
def test_what_is_no_length_or_not_a_number_is_left_alone(text: str) -> None:
    assert durations(text) == []


@given(st.text(max_size=80) | st.from_regex(r"for (more than )?\d{1,4}(-| to )\d* ?(day|week)s?"))
def test_any_text_is_read_without_error(text: str) -> None:
    for found in durations(text):
        assert found.least is not None or found.most is not None
