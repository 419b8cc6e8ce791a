"""Features of three samples, counted by hand; what is not known is not there."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from cds_hooks.consultation import (
    Assessment,
    Candidate,
    Differential,
    Group,
    Reason,
    Verdict,
)
from cds_hooks.verifier import (
    ConsultationEvidence,
    NameEvidence,
    ProposedDiagnosis,
    evidence_of,
    features_of,
    places_in,
)
from cds_hooks.verifier.feature_catalogue import feature_catalogue, is_feature, meaning
from cds_hooks.verifier.features import log_odds, value_of


@pytest.fixture
def three_votes() -> ConsultationEvidence:
    """A: first, second, first. B: second and first. C: named once, in the last place of three."""
    return ConsultationEvidence(
        models=("m", "m", "m"),
        proposed=(
            ProposedDiagnosis(places=(1, 2, 1)),
            ProposedDiagnosis(places=(2, 1, None)),
            ProposedDiagnosis(places=(None, 3, None)),
        ),
    )


def test_three_votes_counted_by_hand(three_votes: ConsultationEvidence) -> None:
    first, second, third = features_of(three_votes)
    assert first["vote_share"] == 1.0
    assert second["vote_share"] == pytest.approx(2 / 3)
    assert third["vote_share"] == pytest.approx(1 / 3)
    assert first["first_share"] == pytest.approx(2 / 3)
    assert second["reciprocal_rank"] == pytest.approx((1 / 2 + 1) / 3)
    assert third["reciprocal_rank"] == pytest.approx(1 / 9)
    assert first["margin"] == pytest.approx(1 / 3)
    assert third["margin"] == pytest.approx(-2 / 3)
    assert {f["candidates"] for f in (first, second, third)} == {math.log(3)}


def test_each_model_counts_once() -> None:
    """Three samples of one model and one of another: 2/3 and 1, so 5/6, and not 3 of 4."""
    models = ("large", "large", "large", "small")
    (found,) = features_of(
        ConsultationEvidence(models, (ProposedDiagnosis(places=(1, None, 2, 1)),))
    )
    assert found["vote_share"] == pytest.approx(5 / 6)
    assert found["model_share"] == 1.0
    assert found["votes:large"] == pytest.approx(2 / 3)
    assert found["votes:small"] == 1.0


def test_what_is_not_known_is_missing_and_never_0(three_votes: ConsultationEvidence) -> None:
    found = features_of(three_votes)[0]
    unknown = ("model_share", "p_true", "log_probability", "rules_against", "verdict_supported")
    for name in unknown:
        assert name not in found
        assert value_of(found, name) is None
        assert value_of(found, f"missing:{name}") == 1.0
    assert value_of(found, "missing:vote_share") == 0.0


def test_an_agreement_without_samples_is_a_share_of_votes() -> None:
    found = features_of(
        ConsultationEvidence(
            (), (ProposedDiagnosis(agreement=0.8), ProposedDiagnosis(agreement=0.5))
        )
    )
    assert found[0]["vote_share"] == 0.8
    assert found[0]["margin"] == pytest.approx(0.3)
    assert "first_share" not in found[0]


@pytest.mark.parametrize(
    ("passed", "failed", "relevance"),
    [
        ({"evidence-relevant"}, set(), 1.0),
        (set(), {"evidence-relevant"}, -1.0),
        ({"known-name"}, set(), 0.0),
        (None, {"evidence-relevant"}, -1.0),
        (None, {"organ-removed"}, None),
        (None, None, None),
    ],
)
def test_relevance(passed: set[str] | None, failed: set[str] | None, relevance: float) -> None:
    proposed = ProposedDiagnosis(
        agreement=1.0,
        passed=None if passed is None else frozenset(passed),
        failed=None if failed is None else frozenset(failed),
    )
    (found,) = features_of(ConsultationEvidence((), (proposed,)))
    assert value_of(found, "relevance") == relevance


def test_a_check_that_did_not_fail_is_0_where_failed_ones_are_known() -> None:
    known = ProposedDiagnosis(agreement=1.0, failed=frozenset({"organ-removed"}))
    (found,) = features_of(ConsultationEvidence((), (known,)))
    assert value_of(found, "failed:organ-removed") == 1.0
    assert value_of(found, "failed:timing") == 0.0
    assert value_of(found, "rules_against") == 1.0
    (unknown,) = features_of(ConsultationEvidence((), (ProposedDiagnosis(agreement=1.0),)))
    assert value_of(unknown, "failed:timing") is None


def test_what_models_were_asked_of_a_name() -> None:
    asked = NameEvidence(log_probability=-6.0, tokens=3, p_true=0.5, second_view=1.0)
    (found,) = features_of(ConsultationEvidence((), (ProposedDiagnosis(name=asked),)))
    assert found["log_probability"] == -6.0
    assert found["log_probability_per_token"] == -2.0
    assert found["p_true"] == 0.0
    assert found["second_view"] == pytest.approx(math.log(999))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_log_odds_of_what_is_no_probability(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        log_odds(wrong)


def test_places_and_samples_must_fit() -> None:
    with pytest.raises(ValueError, match="one place"):
        ConsultationEvidence(("m",), (ProposedDiagnosis(places=(1, 2)),))


def test_a_checked_consultation_as_evidence() -> None:
    """Two names of one diagnosis are one; a wider name votes for it, too."""
    lists = [["Flu", "Cold"], ["Influenza"], ["Viral infection"]]
    differentials = [
        Differential(
            model="m",
            candidates=tuple(Candidate(diagnosis=d, group=Group.LIKELY) for d in names),
        )
        for names in lists
    ]
    assessments = [
        Assessment(
            name="Flu",
            group=Group.LIKELY,
            verdict=Verdict.PLAUSIBLE,
            reasons=(Reason("known-name", "pass"), Reason("timing", "fail")),
            agreement=1.0,
            written_as=("Flu", "Influenza"),
            related=("Viral infection",),
        ),
        Assessment(
            name="Cold",
            group=Group.LIKELY,
            verdict=Verdict.UNCERTAIN,
            agreement=1 / 3,
            written_as=("Cold",),
        ),
    ]
    found = evidence_of(assessments, differentials, {"Cold": NameEvidence(p_true=0.2)})
    assert found.models == ("m", "m", "m")
    assert [p.places for p in found.proposed] == [(1, 1, 1), (2, None, None)]
    assert found.proposed[0].failed == {"timing"}
    assert found.proposed[1].name.p_true == 0.2


def test_places_of_a_key() -> None:
    assert places_in([["a", "b"], ["b"], []], "b") == (2, 1, None)
    assert places_in([["a", "b"]], frozenset({"b", "a"})) == (1,)


def test_no_feature_knows_the_truth_or_a_place_on_a_list_of_options() -> None:
    given = {f.name for f in fields(ProposedDiagnosis)} | {f.name for f in fields(NameEvidence)}
    named = given | {f.name for f in feature_catalogue().feature}
    for word in ("gold", "truth", "right", "option", "match"):
        assert not any(word in name for name in named)


def test_every_feature_made_is_described(three_votes: ConsultationEvidence) -> None:
    asked = NameEvidence(log_probability=-6.0, tokens=3, p_true=0.5, second_view=1.0)
    known = ProposedDiagnosis(
        places=(1, 1),
        verdict=Verdict.SUPPORTED,
        passed=frozenset(),
        failed=frozenset({"timing"}),
        name=asked,
    )
    (found,) = features_of(ConsultationEvidence(("a", "b"), (known,)))
    assert all(meaning(name) for name in found)
    described = {f.name for f in feature_catalogue().feature}
    assert described == {n if ":" not in n else n.partition(":")[0] + ":" for n in found}
    assert not is_feature("votes:")
    assert not is_feature("p_true:x")
    assert meaning("missing:p_true").startswith("1 when it is not known")
