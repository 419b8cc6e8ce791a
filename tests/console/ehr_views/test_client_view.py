"""What each client shows of a response, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.cards.card_data import profiles
from cds_hooks.console.ehr_views import client_view, client_views, clients, fires
from cds_hooks.console.ehr_views.rules import RULES
from tests.console.ehr_views.responses import BASE, made, with_card

TWO = {"type": "create", "description": "second", "resource": {"resourceType": "ServiceRequest"}}


def _told(document: dict[str, Any], client: str, **more: Any) -> dict[str, str]:
    found = client_view(document, client, **more).all_remarks
    return {f"{each.rule} {each.where}": each.effect for each in found}


def test_the_clients_are_those_of_the_card_profiles() -> None:
    assert set(clients()) == set(profiles())


def test_every_rule_of_the_data_is_known_and_every_known_rule_is_used() -> None:
    named = {rule.rule for client in clients().values() for rule in client.rules}
    assert named == {*RULES, "system-actions"}
    for client in clients().values():
        rules = [rule.rule for rule in client.rules]
        assert len(rules) == len(set(rules))


@pytest.mark.parametrize(
    ("client", "hook", "can"),
    [
        ("generic", "encounter-start", True),
        ("sandbox", "encounter-start", False),
        ("epic", "patient-view", True),
        ("epic", "encounter-start", False),
        ("epic", "order-sign", True),
        ("oracle", "patient-view", True),
        ("oracle", "order-sign", False),
    ],
)
def test_which_hooks_a_client_fires(client: str, hook: str, can: bool) -> None:
    found, words = fires(clients()[client], hook)
    assert found is can
    assert words
    assert client_view({"cards": []}, client, hook=hook).fires is can


def test_epic_says_that_other_triggers_arrive_as_patient_view() -> None:
    assert "arrives as patient-view" in client_view({"cards": []}, "epic", hook="x").fires_words


def test_a_response_of_the_generic_profile_at_epic() -> None:
    told = _told(made("generic"), "epic")
    assert told["condition-system cards[0].suggestions[0].actions[0].resource.code"] == "dropped"
    assert told["link-hosts cards[0].links[0]"] == "dropped"
    assert client_view(made("generic"), "epic").cards[0].card.suggestions == ()


def test_a_response_of_epics_profile_keeps_its_suggestions() -> None:
    view = client_view(made("epic"), "epic")
    card = view.cards[0].card
    assert len(card.suggestions) == len(made("epic")["cards"][0]["suggestions"]) > 0
    raw = made("epic")["cards"][0]["suggestions"][0]
    assert card.suggestions[0].text == raw["actions"][0]["description"]
    assert card.suggestions[0].text != raw["label"]
    rules = {each.rule for each in view.all_remarks}
    assert rules == {"hidden-suggestion-labels", "hidden-link-labels", "link-hosts",
                     "override-reasons"}  # fmt: skip


@pytest.mark.parametrize("client", ["epic", "oracle"])
def test_links_that_are_registered_stay_and_others_go(client: str) -> None:
    host = BASE.removeprefix("https://")
    kept = client_view(made(client), client, known_hosts={host})
    gone = client_view(made(client), client, known_hosts={"other.example"})
    unknown = client_view(made(client), client)
    assert [len(v.cards[0].card.links) for v in (kept, gone, unknown)] == [1, 0, 1]
    assert "link-hosts" not in {each.rule for each in kept.all_remarks}
    [told] = [each for each in gone.all_remarks if each.rule == "link-hosts"]
    assert host in told.words
    assert told in unknown.all_remarks


def test_a_smart_link_vanishes_where_it_is_not_registered() -> None:
    link = {"label": "App", "url": "https://app.example/launch", "type": "smart"}
    document = with_card(lambda card: card.update(links=[link]))
    assert client_view(document, "epic", known_hosts=()).cards[0].card.links == ()
    assert _told(document, "epic")["smart-link cards[0].links[0]"] == "dropped"
    assert _told(document, "generic")["smart-link cards[0].links[0]"] == "note"
    assert len(client_view(document, "generic", known_hosts=()).cards[0].card.links) == 1


@pytest.mark.parametrize(
    ("client", "behavior", "refused"),
    [
        ("epic", "at-most-one", True),
        ("epic", "any", False),
        ("generic", "at-most-one", False),
        ("generic", "some", True),
        ("oracle", "any", False),
    ],
)
def test_a_selection_behavior_that_a_client_does_not_know(
    client: str, behavior: str, refused: bool
) -> None:
    document = with_card(lambda card: card.update(selectionBehavior=behavior))
    assert client_view(document, client).cards[0].card.refused is refused


def test_a_selection_behavior_without_suggestions_does_not_matter() -> None:
    document = with_card(lambda card: card.update(selectionBehavior="x", suggestions=[]))
    assert not client_view(document, "epic").cards[0].card.refused


def test_epic_takes_one_action_for_each_suggestion() -> None:
    document = with_card(lambda card: card["suggestions"][0]["actions"].append(TWO))
    view = client_view(document, "epic")
    [told] = [each for each in view.all_remarks if each.rule == "most-actions"]
    assert (told.where, "2" in told.words) == ("cards[0].suggestions[0]", True)
    assert all(s.where != told.where for s in view.cards[0].card.suggestions)


def test_epic_keeps_only_the_code_of_an_order() -> None:
    document = with_card(lambda card: card["suggestions"][0].update(actions=[TWO]))
    told = _told(document, "epic")
    assert told["created-types cards[0].suggestions[0].actions[0].resource"] == "changed"


@pytest.mark.parametrize(
    ("code", "told"),
    [("a" * 100, False), ("a" * 101, True), ("Card-1", True), ("", True), ("Card1", False)],
)
def test_a_topic_code_that_epic_can_remember(code: str, told: bool) -> None:
    document = with_card(lambda card: card["source"]["topic"].update(code=code))
    assert ("topic-code cards[0].source.topic.code" in _told(document, "epic")) is told


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_epic_shows_another_kind_of_detail_as_text(kind: str) -> None:
    key = "com.epic.cdshooks.card.detail.content-type"
    document = with_card(lambda card: card.update(detail="**x**", extension={key: kind}))
    card = client_view(document, "epic").cards[0]
    assert card.html == "<pre>**x**</pre>"
    assert any(kind in each.words for each in card.remarks)
    assert "<strong>x</strong>" in client_view(document, "generic").cards[0].html


def test_html_in_a_detail_is_told_and_never_made() -> None:
    document = with_card(lambda card: card.update(detail="<img src=x> `<b>`"))
    view = client_view(document, "sandbox")
    assert "<img" not in view.cards[0].html
    assert [each.effect for each in view.all_remarks if each.rule == "html-in-detail"] == [
        "changed"
    ]
    fine = with_card(lambda card: card.update(detail="a < b, `<b>`"))
    assert "html-in-detail" not in {each.rule for each in client_view(fine, "sandbox").all_remarks}


def test_system_actions_are_told_once() -> None:
    document = {**made(), "systemActions": [TWO, TWO]}
    [told] = client_view(document, "epic").remarks
    assert (told.effect, "2" in told.words) == ("dropped", True)


def test_cards_without_a_uuid_get_no_feedback() -> None:
    document = with_card(lambda card: card.pop("uuid"))
    for client in ("generic", "sandbox", "epic"):
        assert _told(document, client)["no-feedback cards[0].uuid"] == "note"


def test_cards_are_sorted_by_urgency_where_the_client_does_so() -> None:
    cards = [{"summary": s, "indicator": s, "source": {"label": "x"}}
             for s in ("info", "critical", "warning", "info", "critical")]  # fmt: skip
    wheres = {
        client: [each.card.where for each in client_view({"cards": cards}, client).cards]
        for client in ("generic", "oracle")
    }
    assert wheres["generic"] == ["cards[1]", "cards[4]", "cards[2]", "cards[0]", "cards[3]"]
    assert wheres["oracle"] == [f"cards[{n}]" for n in range(5)]
    [_, first, *_] = client_view({"cards": cards}, "oracle").cards
    assert first.placement == "a pop-up"


@pytest.mark.parametrize(
    "document",
    [{}, {"cards": None}, {"cards": [None, 1, "x", []]}, {"cards": {}},
     {"cards": [{"summary": 1, "source": [], "links": {}, "suggestions": [None, {"actions": 3}],
                 "indicator": [], "extension": 1, "overrideReasons": [{}]}]}],
)  # fmt: skip
def test_what_is_not_a_response_breaks_nothing(document: dict[str, Any]) -> None:
    for view in client_views(document, hook="patient-view"):
        assert all(each.card.where.startswith("cards[") for each in view.cards)
