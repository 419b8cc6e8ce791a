"""Disagreement as a flag: what it reaches on cases it was not tuned on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.evaluation.metrics import Ballot
from cds_hooks.evaluation.research.alignment import find_shifts, put_right
from cds_hooks.evaluation.research.catalogue import RecordedModel, catalogue
from cds_hooks.evaluation.research.flags import (
    FlagExperiment,
    PanelScores,
    agreement,
    best_of_families,
    choose_threshold,
    conformal_experiment,
    flag_experiment,
    score_panel,
)
from cds_hooks.evaluation.research.recording import Recording
from cds_hooks.plausibility.agreement.conformal import calibrate, conformal_set


@pytest.fixture(scope="module")
def realigned(recording: Recording) -> Recording:
    models = catalogue().model
    return recording.realigned(put_right(recording, models, find_shifts(recording, models)))


@pytest.fixture(scope="module")
def published(realigned: Recording) -> PanelScores:
    panel = next(p for p in catalogue().panel if p.id == "fine-tuned-nine")
    return score_panel(realigned, catalogue().models_of(panel))


@pytest.fixture(scope="module")
def scored(sampled: Recording) -> PanelScores:
    """Nine votes over the invented cases: groups of ten cases alike, counted by hand below."""
    return score_panel(sampled, catalogue().models_of(catalogue().panel[0]))


@pytest.fixture(scope="module")
def experiment(realigned: Recording) -> FlagExperiment:
    """Panel and threshold chosen on one half, of models that fit a device."""
    on_device = [m for m in catalogue().model if m.on_device]
    return flag_experiment(best_of_families(realigned, on_device), 207, splits=200)


def test_the_flag_tells_wrong_answers_on_cases_it_was_not_chosen_on(
    experiment: FlagExperiment,
) -> None:
    assert experiment.held_out_auroc.value >= 0.80
    assert experiment.auroc.value >= 0.80


def test_what_is_not_flagged_is_right_and_most_cases_are_not_flagged(
    experiment: FlagExperiment,
) -> None:
    assert experiment.accuracy.value >= 0.95
    assert experiment.coverage.value >= 0.65
    assert experiment.reached >= 0.85


def test_models_as_published_do_not_reach_it(
    realigned: Recording, models: dict[str, RecordedModel]
) -> None:
    """Told, so that nobody expects it of models that were not tuned to the task."""
    nine = score_panel(realigned, [models[i] for i in catalogue().panel[0].models])
    found = flag_experiment(lambda _: nine, 207, splits=100)
    assert found.auroc.value == pytest.approx(0.776, abs=0.002)
    assert found.none > 0.5


def test_a_panels_scores_are_what_was_counted_by_hand(scored: PanelScores) -> None:
    each = slice(0, 80, 10)  # one case of each group
    votes = [9, 9, 9, 8, 8, 5, 6, 3]
    backing = [3, 3, 3, 3, 3, 2, 2, 1]
    assert (scored.share[each] * 9).tolist() == pytest.approx(votes)
    halves = [(v / 9 + b / 3) / 2 for v, b in zip(votes, backing, strict=True)]
    assert scored.agreement[each].tolist() == pytest.approx(halves)
    assert scored.right[each].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert (scored.truth_share[each] * 9).tolist() == pytest.approx([9, 9, 9, 8, 8, 5, 1, 2])


def test_a_flag_separates_the_invented_cases_as_counted_by_hand(scored: PanelScores) -> None:
    found = flag_experiment(lambda _: scored, 80, splits=50)
    # Of twelve pairs of a right and a wrong group only one ranks the wrong one higher.
    assert found.auroc.value == pytest.approx(11 / 12)
    assert found.plain_auroc.value == pytest.approx(11 / 12)
    assert found.accuracy.value > 0.9, "groups 1 to 5 are right and agree more than all others"
    assert 0.5 < found.coverage.value < 0.75, "five groups of eight are 62.5 %"


@pytest.mark.parametrize(("error", "votes"), [(0.05, 1), (0.1, 1), (0.2, 2), (0.3, 5), (0.5, 8)])
def test_the_least_share_of_the_truth_is_what_was_counted_by_hand(
    scored: PanelScores, error: float, votes: int
) -> None:
    """Of 80 shares from high to low the 77th, 73rd, 65th, 57th and 41st."""
    assert calibrate(scored.truth_share.tolist(), error) == pytest.approx(votes / 9)


def test_an_experiment_is_the_same_for_the_same_seed(scored: PanelScores) -> None:
    def once(seed: int) -> FlagExperiment:
        return flag_experiment(lambda _: scored, 80, splits=20, seed=seed)

    assert once(1) == once(1)
    assert once(1).held_out_auroc != once(2).held_out_auroc


def test_shuffled_truths_leave_no_signal(scored: PanelScores) -> None:
    random = np.random.default_rng(3)
    spoilt = replace(scored, right=random.permutation(scored.right))
    found = flag_experiment(lambda _: spoilt, 80, splits=50)
    assert 0.35 < found.held_out_auroc.value < 0.65


def test_models_that_disagree_weigh_more_than_samples_that_do() -> None:
    samples = Ballot({"x": ("a", "a", "b"), "y": ("a", "a", "b"), "z": ("a", "a", "b")})
    models = Ballot({"x": ("a", "a", "a"), "y": ("a", "a", "a"), "z": ("b", "b", "b")})
    assert samples.share == models.share
    assert agreement(samples) > agreement(models)


def test_the_threshold_allows_for_one_error_more_than_was_seen() -> None:
    right = np.array([1.0] * 38 + [0.0])
    assert choose_threshold(np.ones(39), right) == 1.0
    assert choose_threshold(np.ones(38), right[1:]) == float("inf")


def test_the_threshold_is_the_widest_that_is_good_enough() -> None:
    scores = np.array([0.5] * 10 + [0.9] * 40)
    right = np.array([0.0] * 10 + [1.0] * 40)
    assert choose_threshold(scores, right) == 0.9


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.02, 0.5))
def test_a_conformal_share_misses_no_more_than_allowed(truths: list[float], error: float) -> None:
    share = calibrate(truths, error)
    if share is None:
        return
    missed = sum(t < share for t in truths)
    assert missed <= error * (len(truths) + 1)
    # and it is the highest such share: with a higher one too many would be missed.
    above = [t for t in truths if t > share]
    assert not above or sum(t <= share for t in truths) > error * (len(truths) + 1) - 1 - 1e-6


def test_too_few_cases_give_no_set() -> None:
    assert calibrate([1.0] * 8, 0.1) is None
    assert calibrate([1.0] * 9, 0.1) == 1.0
    assert calibrate([0.0] * 99, 0.1) is None
    assert conformal_set({"a": 1.0}, None) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibrate([1.0], 1.0)


def test_a_set_has_the_names_with_enough_votes_first_ones_first() -> None:
    assert conformal_set({"a": 1 / 9, "b": 5 / 9, "c": 3 / 9}, 3 / 9) == ("b", "c")


@pytest.mark.parametrize("error", [0.05, 0.1, 0.2])
def test_sets_hold_the_truth_as_often_as_promised(scored: PanelScores, error: float) -> None:
    found = conformal_experiment(scored, error, splits=200)
    assert found.coverage.value >= 1 - error - 0.02
    assert 1 <= found.size.value <= 17 / 8, "no larger than all answers that anybody gave"


@pytest.mark.parametrize("error", [0.05, 0.1, 0.2])
def test_sets_of_published_answers_hold_the_truth_as_often_as_promised(
    published: PanelScores, error: float
) -> None:
    found = conformal_experiment(published, error, splits=200)
    # The promise is about the mean over calibrations; 207 cases leave about two points of noise.
    assert found.coverage.value >= 1 - error - 0.02
    assert found.size.value < 1.5
