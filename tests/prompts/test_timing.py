from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts import ago


@pytest.mark.parametrize(
    ("days", "coarse", "fine"),
    [
        (None, "", ""),
        (0.0, "today", "just now"),
        (0.02, "today", "28 min ago"),
        (0.5, "today", "12 h ago"),
        (0.999, "today", "23 h ago"),
        (1.0, "1 day ago", "1 day ago"),
        (13.9, "13 days ago", "13 days ago"),
        (14.0, "2 weeks ago", "2 weeks ago"),
        (55.9, "7 weeks ago", "7 weeks ago"),
        (56.0, "1 month ago", "1 month ago"),
        (730.0, "23 months ago", "23 months ago"),
        (731.0, "2 years ago", "2 years ago"),
        (36525.0, "100 years ago", "100 years ago"),
        (-0.2, "today", "in 4 h"),
        (-3.5, "in 3 days", "in 3 days"),
    ],
)
def test_grain(days: float | None, coarse: str, fine: str) -> None:
    assert ago(days) == coarse
    assert ago(days, fine=True) == fine


@given(st.floats(-1e5, 1e5), st.booleans())
def test_never_says_a_number_of_nothing(days: float, fine: bool) -> None:
    assert ago(days, fine=fine)
    assert not ago(days).startswith(("0 ", "in 0 "))
