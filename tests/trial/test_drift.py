"""Drift: what left its interval, and how often that is said where nothing changed."""

from __future__ import annotations

import numpy as np
import pytest

from cds_hooks.intervals import wilson
from cds_hooks.trial.drift import ALPHA, confidence_sequence, drift, drifted
from cds_hooks.trial.report.key_figures import KeyFigure

LOOKS = range(50, 1001, 50)


def figure(hits: int, n: int, name: str = "top1", *, wider: float = 1.0) -> KeyFigure:
    low, high = wilson(hits, n)
    middle, half = (low + high) / 2, (high - low) / 2 * wider
    return KeyFigure(name, hits / n, n, middle - half, middle + half)


def test_a_confidence_sequence_by_hand() -> None:
    # 1 of 1: p is out where log(1/2) - log(p) >= log(20), so below 1/40.
    assert confidence_sequence(1, 1, 0.05) == (pytest.approx(0.025), 1.0)
    assert confidence_sequence(0, 1, 0.05) == (0.0, pytest.approx(0.975))
    assert confidence_sequence(0, 0, 0.05) == (0.0, 1.0)


def test_it_is_wider_than_the_interval_of_one_look() -> None:
    low, high = confidence_sequence(40, 100, 0.05)
    once_low, once_high = wilson(40, 100)
    assert low < once_low < 0.4 < once_high < high


def test_what_stayed_has_not_left_and_what_fell_has() -> None:
    before = [figure(160, 400), figure(300, 400, "top3")]
    now = [figure(200, 500), figure(200, 500, "top3")]
    found = drift(before, now)
    assert drifted(found) == ("top3",)
    assert found[1].change == pytest.approx(-0.35)
    assert found[1].change_low < -0.35 < found[1].change_high < 0


def test_a_rise_is_drift_too() -> None:
    assert drifted(drift([figure(160, 400)], [figure(400, 500)])) == ("top1",)


def test_cases_of_the_same_patients_count_as_fewer() -> None:
    before = [figure(160, 400)]
    assert drifted(drift(before, [figure(120, 500)], watched=("top1",))) == ("top1",)
    alike = [figure(120, 500, wider=2.0)]
    assert drifted(drift(before, alike, watched=("top1",))) == ()


def test_what_one_report_lacks_is_not_compared() -> None:
    assert drift([figure(1, 10, "rules-right")], [figure(9, 10)]) == ()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_rate_of_false_alarms_is_between_0_and_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        drift([], [], alpha=alpha)


def _rates(before: float, now: float, times: int, seed: int) -> tuple[float, float]:
    """How often any of 20 looks alarms: by drift, and by ordinary 95 % intervals that part."""
    rng = np.random.default_rng(seed)
    alarms = plain = 0
    for _ in range(times):
        reference = figure(int(rng.binomial(400, before)), 400)
        upto = np.cumsum(rng.random(max(LOOKS)) < now)
        looks = [figure(int(upto[n - 1]), n) for n in LOOKS]
        alarms += any(drifted(drift([reference], [look], watched=("top1",))) for look in looks)
        plain += any(each.low > before or each.high < before for each in looks)
    return alarms / times, plain / times


def test_twenty_looks_at_what_did_not_change_alarm_less_often_than_stated() -> None:
    alarms, plain = _rates(0.4, 0.4, 150, seed=11)
    assert alarms <= ALPHA
    assert plain > 2 * ALPHA  # what looking at an ordinary interval as often would have done


def test_a_fall_by_a_half_is_found() -> None:
    assert _rates(0.4, 0.2, 40, seed=12)[0] > 0.95
