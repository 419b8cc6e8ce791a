"""A run that misses an aim is a failure, each aim by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.soak.judged import Aims, figures, missed
from tests.soak.overload import OverloadResult

GOOD = OverloadResult(
    fired=4,
    statuses=Counter({200: 4}),
    took_s=[0.2, 0.4, 1.5, 1.59],
    within_s=1.5,
    memory_mib=[100.0, 300.0, 310.0, 320.0],
    records=6,
)


def test_a_run_within_its_aims_misses_none() -> None:
    assert missed(GOOD, Aims()) == []
    assert figures(GOOD, Aims())["answers later than 100 ms"] == 0


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"fired": 5}, "no answer"),
        ({"statuses": Counter({200: 3, 503: 1})}, "errors"),
        ({"records": 5}, "no record"),
        ({"took_s": [0.2, 1.65]}, "late"),
        ({"memory_mib": [100.0, 300.0, 310.0, 360.0]}, "memory"),
    ],
)
def test_each_aim_can_be_missed(changed: dict[str, object], word: str) -> None:
    [said] = missed(replace(GOOD, **changed), Aims())  # type: ignore[arg-type]
    assert word in said
