"""Agreement of samples and models, and the promise of a conformal threshold."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.plausibility import Terminology, assess
from cds_hooks.plausibility.agreement import inside, threshold, votes

Make = Callable[..., Any]


def test_one_model_counts_its_samples() -> None:
    found = votes([True, True, False], ["a", "a", "a"])
    assert found.share == pytest.approx(2 / 3)
    assert found.models == 1
    assert not found.unanimous


def test_each_model_counts_once_however_many_samples_it_gave() -> None:
    found = votes([True, True, True, True, False], ["a", "a", "a", "a", "b"])
    assert found.share == 0.5
    assert found.models == 0.5


def test_models_that_disagree_weigh_more_than_samples_that_do() -> None:
    one_sample_off = votes([True, True, False, True], ["a", "a", "a", "b"])
    one_model_off = votes([True, True, True, False], ["a", "a", "a", "b"])
    assert one_sample_off.share > one_model_off.share


def test_unanimity_is_of_every_sample_of_every_model() -> None:
    assert votes([True, True], ["a", "b"]).unanimous
    assert not votes([True, False], ["a", "b"]).unanimous
    assert not votes([], []).unanimous
    assert votes([], []).share == 0
    assert votes([], []).models == 0


def test_a_vote_for_every_sample_is_needed() -> None:
    with pytest.raises(ValueError):
        votes([True], ["a", "b"])


def test_an_assessment_of_several_models_has_their_mean_agreement(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    def of(model: str, name: str) -> Any:
        return replace(differential(name), model=model)

    samples = [of("a", "Gout"), of("a", "Gout"), of("a", "Gout"), of("b", "Pneumonia")]
    found = assess(chart(), samples, terminology)
    assert {a.name: a.agreement for a in found} == {"Gout": 0.5, "Pneumonia": 0.5}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.floats(0.01, 0.5))
def test_a_threshold_misses_at_most_the_chosen_share_of_the_calibration_cases(
    found: list[float], error: float
) -> None:
    least = threshold(found, error)
    missed = sum(a < least for a in found)
    assert missed <= error * (len(found) + 1)


def test_a_threshold_keeps_its_promise_on_new_cases() -> None:
    random_ = random.Random(3)
    missed = total = 0
    for _ in range(300):
        cases = [random_.betavariate(4, 2) for _ in range(101)]
        least = threshold(cases[:100], 0.1)
        missed += cases[100] < least
        total += 1
    assert missed / total <= 0.15


def test_too_few_cases_promise_nothing_and_let_everything_in() -> None:
    assert threshold([0.9, 0.8], 0.1) == 0.0
    assert threshold([], 0.1) == 0.0


@pytest.mark.parametrize("error", [0, 1, -0.1, 2])
def test_an_error_that_is_no_share_is_refused(error: float) -> None:
    with pytest.raises(ValueError):
        threshold([0.5], error)


def test_the_set_is_what_reaches_the_threshold(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [differential("Gout", "Asthma"), differential("Gout")]
    found = assess(chart(), samples, terminology)
    assert [a.name for a in inside(found, 0.6)] == ["Gout"]
    assert [a.name for a in inside(found, 0.0)] == ["Gout", "Asthma"]
