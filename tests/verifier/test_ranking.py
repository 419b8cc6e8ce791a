"""Scores, probabilities, sets and ties, worked out by hand."""

from __future__ import annotations

import math

import pytest

from cds_hooks.consultation import Verdict
from cds_hooks.verifier import (
    ConsultationEvidence,
    NameEvidence,
    ProposedDiagnosis,
    fixed_rules,
    rank_by_coefficients,
    rank_by_rules,
)
from cds_hooks.verifier.coefficient_file import Calibration
from cds_hooks.verifier.combination import contributions, score_by_coefficients
from cds_hooks.verifier.isotonic import calibrated
from tests.verifier.files import small_file

_CURVE = Calibration(x=(0.2, 0.6), y=(0.1, 0.9), n=20)
_MODELS = ("small", "small", "small")


def _evidence(*proposed: ProposedDiagnosis) -> ConsultationEvidence:
    return ConsultationEvidence(_MODELS, proposed)


@pytest.mark.parametrize(
    ("score", "probability"),
    [(0.0, 0.1), (0.2, 0.1), (0.4, 0.5), (0.5, 0.7), (0.6, 0.9), (1.0, 0.9)],
)
def test_the_curve_below_on_between_and_above_its_points(score: float, probability: float) -> None:
    assert calibrated(_CURVE, score) == pytest.approx(probability)


def test_a_curve_of_one_point_is_flat() -> None:
    curve = Calibration(x=(0.5,), y=(0.3,), n=2)
    assert [calibrated(curve, s) for s in (0.0, 0.5, 1.0)] == [0.3, 0.3, 0.3]


def test_a_score_by_hand() -> None:
    """-1 + 2 * (0.75 - 0.5) / 0.25 + 1 * (ln 3 - 0) / 2 = 1 + ln(3) / 2."""
    found = score_by_coefficients(small_file(), {"vote_share": 0.75, "p_true": math.log(3)})
    assert found.value == pytest.approx(1 / (1 + math.exp(-1 - math.log(3) / 2)))
    assert found.missing == ()


def test_a_missing_feature_counts_by_its_indicator_alone() -> None:
    """-1 + 2 - 0.5: the mean stands for the value, the indicator for its absence."""
    found = score_by_coefficients(small_file(), {"vote_share": 0.75})
    assert found.value == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert found.missing == ("p_true",)
    assert found.unlearned == ()
    added = [c.log_odds for c in contributions(small_file(), {"vote_share": 0.75})]
    assert added == [pytest.approx(2.0), 0.0, pytest.approx(-0.5)]


def test_a_list_by_coefficients() -> None:
    """Log-odds: -1 + 2 * (1 - 0.5) / 0.25 = 3, and -1 + 2 * (1/3 - 0.5) / 0.25 - 0.5 = -2.83."""
    ranked = rank_by_coefficients(
        small_file(),
        _evidence(
            ProposedDiagnosis(places=(1, None, None)),
            ProposedDiagnosis(places=(2, 1, 1), name=NameEvidence(p_true=0.5)),
        ),
    )
    assert ranked.order == (1, 0)
    best, other = ranked.ranked
    assert best.score == pytest.approx(1 / (1 + math.exp(-3)))
    assert best.probability == pytest.approx(0.9)
    assert other.score == pytest.approx(1 / (1 + math.exp(1 + 4 / 3 + 0.5)))
    assert other.probability == pytest.approx(0.1)
    assert ranked.sets == {"0.1": (1,), "0.01": None}
    assert not best.tied


def test_no_promise_where_a_feature_is_missing_that_never_was() -> None:
    file = small_file(
        features=["vote_share", "p_true"],
        coefficients=[2.0, 1.0],
        standardisation={"mean": [0.5, 0.0], "scale": [0.25, 2.0]},
    )
    asked = ProposedDiagnosis(places=(1, 1, None), name=NameEvidence(p_true=0.9))
    ranked = rank_by_coefficients(file, _evidence(ProposedDiagnosis(places=(2, 2, 1)), asked))
    assert ranked.unlearned == ("p_true",)
    assert ranked.order == (0, 1)
    assert {r.probability for r in ranked.ranked} == {None}
    assert ranked.sets == {"0.1": None, "0.01": None}


@pytest.mark.parametrize(
    ("models", "promised"),
    [
        (("small",) * 3, True),
        (("small",) * 4, False),
        (("large",) * 3, False),
        (("small", "small", "large"), False),
    ],
)
def test_a_promise_does_not_travel_to_other_models(models: tuple[str, ...], promised: bool) -> None:
    places = tuple(1 for _ in models)
    ranked = rank_by_coefficients(
        small_file(), ConsultationEvidence(models, (ProposedDiagnosis(places=places),))
    )
    assert (ranked.ranked[0].probability is not None) is promised
    assert (ranked.sets["0.1"] is not None) is promised


def test_ties_are_told_and_broken_by_place_and_then_by_order() -> None:
    only_votes = small_file(
        features=["vote_share"],
        coefficients=[1.0],
        standardisation={"mean": [0.0], "scale": [1.0]},
    )
    ranked = rank_by_coefficients(
        only_votes,
        _evidence(
            ProposedDiagnosis(places=(2, None, None)),
            ProposedDiagnosis(places=(None, 2, None)),
            ProposedDiagnosis(places=(1, None, None)),
            ProposedDiagnosis(places=(None, 1, 1)),
        ),
    )
    assert ranked.order == (3, 2, 0, 1)
    assert [r.tied for r in ranked.ranked] == [False, True, True, True]


def test_fixed_rules_by_hand() -> None:
    """Of one model: 1 + 0.25 - 0.5 (contradicted), and 2/3 + 0.25 * (1/2 + 1) / 3."""
    ranked = rank_by_rules(
        fixed_rules(),
        _evidence(
            ProposedDiagnosis(places=(1, 1, 1), verdict=Verdict.CONTRADICTED),
            ProposedDiagnosis(places=(2, 1, None), verdict=Verdict.PLAUSIBLE),
        ),
    )
    assert ranked.order == (1, 0)
    assert ranked.ranked[0].score == pytest.approx(2 / 3 + 0.25 * 0.5)
    assert ranked.ranked[1].score == pytest.approx(1 + 0.25 - 0.5)
    assert ranked.sets == {}
    assert ranked.ranked[0].probability is None


def test_nothing_proposed_is_an_empty_list() -> None:
    assert rank_by_rules(fixed_rules(), _evidence()).order == ()
    assert rank_by_coefficients(small_file(), _evidence()).sets == {"0.1": (), "0.01": None}
