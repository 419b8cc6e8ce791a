"""What our cards owe to CDS Hooks 2.0.1 and to those who review decision support.

The numbers are those of the conformance list that the tests of the protocol name too; there the
wire is tested, here the cards that we make.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from cds_hooks.cards import build, profiles
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.json_output import to_document
from tests.consultations import with_outcome

Uuids = Callable[[], str]


@pytest.fixture(params=[*(o for o in Outcome if o is not Outcome.CHECKED), "earlier"])
def cards(
    request: pytest.FixtureRequest,
    contradictory: Consultation,
    answered: Consultation,
    make_uuid: Uuids,
) -> tuple[Card, ...]:
    """The card of every outcome, in a chart in which entries contradict each other."""
    outcome = Outcome.PENDING if request.param == "earlier" else request.param
    last = answered if request.param == "earlier" else None
    response = build(
        with_outcome(contradictory, outcome),
        base_url="https://cds.hospital.example",
        make_uuid=make_uuid,
        patient_id="p1",
        last=last,
    )
    to_document(response)
    assert len(response.cards) == 1
    return response.cards


def test_item_39_a_summary_is_one_sentence_under_140_characters(cards: tuple[Card, ...]) -> None:
    for card in cards:
        assert 0 < len(card.summary) < 140
        assert not re.search(r"[.!?]\s|[.!?]$|\n", card.summary)


def test_item_40_a_model_never_raises_a_critical_card(cards: tuple[Card, ...]) -> None:
    assert [card.indicator for card in cards] == ["warning"]


def test_item_42_detail_is_markdown_without_html(cards: tuple[Card, ...]) -> None:
    for card in cards:
        assert "<" not in card.detail
        assert not re.search(r"!?\[[^\]]*\]\(|https?:", card.detail)


def test_item_43_every_card_and_suggestion_has_a_uuid_of_its_own(cards: tuple[Card, ...]) -> None:
    uuids = [u for card in cards for u in (card.uuid, *(s.uuid for s in card.suggestions))]
    assert all(uuids)
    assert len(set(uuids)) == len(uuids)


def test_item_44_selection_behavior_goes_with_suggestions(cards: tuple[Card, ...]) -> None:
    for card in cards:
        assert (card.selection_behavior is not None) == bool(card.suggestions)


@pytest.mark.parametrize("profile", sorted(profiles()))
def test_item_45_any_of_the_suggestions_may_be_taken(
    answered: Consultation, make_uuid: Uuids, profile: str
) -> None:
    response = build(
        answered,
        base_url="http://localhost",
        make_uuid=make_uuid,
        patient_id="p",
        profile=profile,
    )
    assert response.cards[0].selection_behavior == "any"


def test_item_46_every_override_reason_has_a_display(cards: tuple[Card, ...]) -> None:
    assert all(reason.display for card in cards for reason in card.override_reasons)


def test_item_49_the_topic_is_static_for_one_kind_of_card(
    answered: Consultation, demonstration: Consultation, make_uuid: Uuids
) -> None:
    topics = {
        build(done, base_url="http://localhost", make_uuid=make_uuid).cards[0].source.topic
        for done in (answered, demonstration)
    }
    assert len(topics) == 1


def test_item_51_an_action_creates_a_resource_and_says_so(cards: tuple[Card, ...]) -> None:
    for suggestion in (s for card in cards for s in card.suggestions):
        (action,) = suggestion.actions
        assert action.type == "create"
        assert action.description
        assert action.resource is not None
        assert action.resource["resourceType"] == "Condition"


def test_item_53_links_are_absolute_without_app_context(cards: tuple[Card, ...]) -> None:
    for link in (link for card in cards for link in card.links):
        assert link.type == "absolute"
        assert not link.app_context
        assert urlsplit(link.url).netloc == "cds.hospital.example"


# FDA, Clinical Decision Support Software (guidance of January 2026), criteria 3 and 4: what a
# reader needs to review the basis of a recommendation independently. On the card in one line:
@pytest.mark.parametrize(
    "needed",
    [
        "For a physician's own review",  # the intended user
        "not read: documents, medication statements",  # the inputs missing
        "read in part: vital signs",
        "gemma-4-31b-it-q4, answered 3 of 3",  # the model
        "Can be wrong; what is not listed is not ruled out.",  # automation bias
        "not for time-critical decisions",
    ],
)
def test_the_basis_of_a_differential_is_told_on_the_card(
    answered: Consultation, make_uuid: Uuids, needed: str
) -> None:
    (card,) = build(answered, base_url="http://localhost", make_uuid=make_uuid).cards
    assert needed in card.detail


def test_what_has_not_been_answered_is_never_told_as_nothing_found(
    answered: Consultation, make_uuid: Uuids
) -> None:
    def detail(outcome: Outcome) -> str:
        done = with_outcome(answered, outcome, assessments=())
        return build(done, base_url="http://localhost", make_uuid=make_uuid).cards[0].detail

    for outcome in set(Outcome) - {Outcome.ANSWERED, Outcome.EMPTY, Outcome.CHECKED}:
        assert "Nothing has been concluded about this patient." in detail(outcome)
    assert "Nothing has been concluded" not in detail(Outcome.EMPTY)
