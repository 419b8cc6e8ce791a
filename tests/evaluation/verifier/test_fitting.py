"""Fitting: values by hand, three parts that share nothing, and nothing learnt from nothing."""

from __future__ import annotations

import random
import sys
from dataclasses import replace

import pytest

from cds_hooks.evaluation.trained_cases import TrainedCase
from cds_hooks.evaluation.verifier.extra import VerifierExtraMissing, sklearn
from cds_hooks.evaluation.verifier.fitting import curve_of, fit, thresholds_of
from cds_hooks.evaluation.verifier.held_out import LOGISTIC, held_out
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.evaluation.verifier.making import make_file, require_untrained
from cds_hooks.evaluation.verifier.measuring import Measured, measure
from cds_hooks.evaluation.verifier.parts import ThreeParts, divide, unseen_of
from cds_hooks.evaluation.verifier.votes import (
    first_of,
    model_weights,
    plurality_pick,
    weighted_pick,
)
from cds_hooks.plausibility.agreement.conformal import conformal_set
from cds_hooks.verifier import (
    CoefficientFile,
    ConsultationEvidence,
    ProposedDiagnosis,
    VerifierError,
    read_coefficients,
    write_coefficients,
)
from cds_hooks.verifier.isotonic import calibrated
from tests.evaluation.verifier.invented_cases import ORIGIN, invented, sha256

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def cases() -> list[LabelledCase]:
    return invented(240)


@pytest.fixture(scope="module")
def made(cases: list[LabelledCase]) -> tuple[CoefficientFile, ThreeParts]:
    return make_file(cases, ORIGIN)


@pytest.fixture(scope="module")
def measured(made: tuple[CoefficientFile, ThreeParts]) -> Measured:
    return measure(made[0], made[1].unseen)


def test_the_isotonic_curve_by_hand() -> None:
    """The middle two fall (right, wrong) and are pooled to 1/2; the ends keep away from 0 and 1 by
    one case more of either kind: 1/6 and 5/6."""
    curve = curve_of([0.1, 0.2, 0.3, 0.4], [False, True, False, True])
    assert curve is not None
    told = [calibrated(curve, s) for s in (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.9)]
    assert told == pytest.approx([1 / 6, 1 / 6, 0.5, 0.5, 0.5, 5 / 6, 5 / 6])


def test_a_curve_of_one_kind_is_flat_and_below_1() -> None:
    curve = curve_of([0.2, 0.7], [True, True])
    assert curve is not None
    assert calibrated(curve, 0.9) == pytest.approx(3 / 4)
    assert curve_of([], []) is None


@pytest.mark.parametrize(
    ("truths", "thresholds"),
    [
        # Of nine, ceil(10 * 0.9) = the ninth from above, ceil(10 * 0.8) = the eighth; 0.05 needs
        # the tenth of nine.
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], {"0.05": None, "0.1": 0.1, "0.2": 0.2}),
        # One truth that nobody named: no threshold reaches one in ten.
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.0], {"0.05": None, "0.1": None, "0.2": 0.2}),
        # Eight are too few for one in ten: ceil(9 * 0.9) = 9.
        ([0.5] * 8, {"0.05": None, "0.1": None, "0.2": 0.5}),
        ([0.5] * 19, {"0.05": 0.5, "0.1": 0.5, "0.2": 0.5}),
        ([], {"0.05": None, "0.1": None, "0.2": None}),
    ],
)
def test_conformal_thresholds_by_hand(
    truths: list[float], thresholds: dict[str, float | None]
) -> None:
    assert thresholds_of(truths) == thresholds


@pytest.mark.parametrize(("unnamed", "reached"), [(0, True), (2, True), (3, False)])
def test_no_threshold_by_luck_below_the_share_of_truths_that_nobody_names(
    unnamed: int, reached: bool
) -> None:
    """Of twenty fitted cases none, two (one in ten) or three have no right diagnosis."""
    named = [c for c in invented(60) if any(c.right)][: 20 - unnamed]
    without = [replace(c, right=(False,) * 3) for c in invented(unnamed, seed=9)]
    found = thresholds_of([0.5] * 19, [*named, *without])
    assert (found["0.1"] == 0.5) is reached
    assert found["0.2"] == 0.5


def test_a_set_below_on_and_above_its_threshold() -> None:
    scores = {"below": 0.199, "on": 0.2, "above": 0.201}
    assert conformal_set(scores, 0.2) == ("above", "on")


def test_three_votes_weighted_by_hand() -> None:
    """A is right in both of its cases: ln((3/4) / (1/4)) = ln 3. B in none: -ln 3. C in one: 0."""
    models = ("a", "b", "c")
    cases = [
        LabelledCase(
            case=sha256(str(number)),
            patient=sha256(str(number)),
            evidence=ConsultationEvidence(
                models,
                (
                    ProposedDiagnosis(places=(1, None, 1 if number else None)),
                    ProposedDiagnosis(places=(None, 1, None if number else 1)),
                ),
            ),
            right=(True, False),
        )
        for number in range(2)
    ]
    weights = model_weights(cases)
    assert weights == pytest.approx({"a": 1.0986, "b": -1.0986, "c": 0.0}, abs=1e-4)
    assert [plurality_pick(c) for c in cases] == [1, 0]
    assert [weighted_pick(c, weights) for c in cases] == [0, 0]
    assert first_of(cases[0], "a") == 1.0
    assert first_of(cases[0], "b") == 0.0


def test_no_patient_is_in_two_parts_whatever_the_order() -> None:
    cases = invented(60, per_patient=3)
    parts = divide(cases)
    patients = [{c.patient for c in part} for part in (parts.fit, parts.calibrate, parts.unseen)]
    assert [len(p) for p in patients] == [10, 5, 5]
    assert not (patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2])
    shuffled = random.Random(1).sample(cases, len(cases))
    assert divide(shuffled).digests == parts.digests
    assert divide(cases, seed=1).digests != parts.digests


def test_what_matters_is_learnt_and_what_does_not_is_not(
    made: tuple[CoefficientFile, ThreeParts], measured: Measured
) -> None:
    weights = dict(zip(made[0].features, made[0].coefficients, strict=True))
    assert weights["p_true"] > 3 * abs(weights["first_share"])
    assert "missing:p_true" in weights
    assert measured.verifier.low > measured.vote.value
    assert measured.verifier.value <= measured.best.value
    assert measured.area.low > 0.5


def test_sets_hold_the_truth_as_often_as_they_promise(measured: Measured) -> None:
    """A quarter of the truths is named by nobody: a risk of one in five is out of reach."""
    assert [s.risk for s in measured.sets] == ["0.05", "0.1", "0.2"]
    assert all(s.coverage is None and s.size is None for s in measured.sets)
    named = [c for c in invented(240, seed=7) if any(c.right)]
    file, parts = make_file(named, ORIGIN)
    for found in measure(file, parts.unseen).sets:
        assert found.coverage is not None
        assert found.coverage.high >= 1 - float(found.risk)


def test_the_file_is_read_as_it_was_written(made: tuple[CoefficientFile, ThreeParts]) -> None:
    assert read_coefficients(write_coefficients(made[0])) == made[0]
    assert make_file(list(reversed(invented(240))), ORIGIN)[0].parts == made[0].parts


def test_nothing_is_measured_on_what_it_was_fitted_on(
    cases: list[LabelledCase], made: tuple[CoefficientFile, ThreeParts]
) -> None:
    file, parts = made
    assert unseen_of(file, cases) == parts.unseen
    for part in (parts.fit, parts.calibrate):
        with pytest.raises(TrainedCase):
            measure(file, [*parts.unseen, part[0]])
    again = replace(parts.unseen[0], patient=parts.fit[0].patient)
    with pytest.raises(TrainedCase, match="1 of 1"):
        measure(file, [again])


def test_runs_of_a_model_fitted_on_their_cases_are_refused(cases: list[LabelledCase]) -> None:
    require_untrained(cases, {"0" * 64})
    with pytest.raises(TrainedCase, match="fitted on 1 of 240"):
        require_untrained(cases, {cases[3].case})


def test_a_case_twice_or_too_few_are_refused(cases: list[LabelledCase]) -> None:
    with pytest.raises(VerifierError, match="twice"):
        make_file([*cases, cases[0]], ORIGIN)
    with pytest.raises(VerifierError, match="too few"):
        fit([replace(c, right=(False,) * 3) for c in cases])


def test_nothing_is_learnt_where_truths_are_drawn_at_random() -> None:
    draw = random.Random(5)
    at_random = [replace(c, right=tuple(draw.sample(c.right, 3))) for c in invented(80, seed=3)]
    named = [c for c in at_random if any(c.right)]
    read = held_out(named, repetitions=2)
    assert 0.2 < float(read.right[LOGISTIC].mean()) < 0.47


def test_without_the_extra_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.isotonic", None)
    with pytest.raises(VerifierExtraMissing) as missing:
        sklearn("isotonic")
    assert "chartside[verifier]" in missing.value.diagnostics()
