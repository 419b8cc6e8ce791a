"""Items 2 to 4 and 37 to 57: what leaves the service, and what is held back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.cards import Action, Card, Coding, Link, Response, Source, Suggestion

SOURCE = Source("Chartside", url="https://cds.example/basis")
CARD = Card("One diagnosis to consider", "warning", SOURCE, uuid="card-1")
CONDITION = {
    "resourceType": "Condition",
    "subject": {"reference": "Patient/1"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I26.99"}]},
}
CREATE = Action("create", "Add to the problem list", resource=CONDITION)
SUGGESTION = Suggestion("Add", uuid="s-1", actions=(CREATE,))
REASON = Coding("patient-ineligible", "http://example.org/reasons", "Does not fit")


@pytest.fixture
def leaves(make_edge, request_for):
    """What leaves for a card: its JSON, or None when it was held back."""

    async def run(card: Card) -> dict[str, Any] | None:
        response = await make_edge(Response((card,))).fire(request_for())
        if response.status_code == 500:
            coding = response.json()["issue"][0]["details"]["coding"][0]
            assert coding["code"] == "answer-invalid"
            return None
        assert response.status_code == 200
        return response.json()["cards"][0]

    return run


def has_empty(value: Any) -> bool:
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return not value or any(has_empty(item) for item in inside)
    return value is None or value == ""


async def test_item_02_nothing_is_null(leaves):
    sent = await leaves(replace(CARD, extension={"org.example.x": {"a": None, "b": 1}}))
    assert sent["extension"] == {"org.example.x": {"b": 1}}
    assert "null" not in json.dumps(sent)


async def test_item_02_a_null_that_cannot_be_left_out_holds_the_answer_back(leaves):
    resource = {"resourceType": "Condition", "note": [None, {"text": "x"}]}
    action = replace(CREATE, resource=resource)
    suggestion = replace(SUGGESTION, actions=(action,))
    card = replace(CARD, suggestions=(suggestion,), selection_behavior="any")
    assert await leaves(card) is None


async def test_item_03_no_null_or_empty(leaves):
    resource = {**CONDITION, "note": [], "onsetString": "", "meta": {"tag": [{}], "security": []}}
    suggestion = Suggestion("Add", actions=(replace(CREATE, resource=resource),))
    card = replace(CARD, suggestions=(suggestion,), selection_behavior="any", extension={})
    sent = await leaves(card)
    assert not has_empty(sent)
    assert sent["suggestions"][0]["actions"][0]["resource"] == CONDITION
    assert {"detail", "links", "overrideReasons", "extension"}.isdisjoint(sent)


async def test_item_03_false_and_zero_are_values(leaves):
    suggestion = replace(SUGGESTION, is_recommended=False)
    extension = {"org.example.n": {"zero": 0}}
    card = replace(CARD, suggestions=(suggestion,), selection_behavior="any", extension=extension)
    sent = await leaves(card)
    assert sent["suggestions"][0]["isRecommended"] is False
    assert sent["extension"] == extension


async def test_item_04_resources_are_standard_fhir_json(leaves):
    card = replace(CARD, suggestions=(SUGGESTION,), selection_behavior="any")
    assert (await leaves(card))["suggestions"][0]["actions"][0]["resource"] == CONDITION


async def test_item_37_success_is_200_with_cards(make_edge, request_for):
    one = await make_edge(Response((CARD,))).fire(request_for())
    assert (one.status_code, list(one.json())) == (200, ["cards"])
    none = await make_edge(Response()).fire(request_for())
    assert (none.status_code, none.content) == (200, b'{"cards":[]}')


class Failing(ChartsideError):
    code = "store-unavailable"
    status = 503
    issue = "transient"


class Refused(ChartsideError):
    code = "token-expired"
    status = 401
    issue = "login"


async def test_item_38_errors_are_operation_outcomes(make_edge, request_for, code_of):
    async def fails(*_):
        raise Failing("the store is unavailable", hint="Free space on its disk.")

    response = await make_edge(fails).fire(request_for())
    assert (response.status_code, code_of(response)) == (503, "store-unavailable")
    assert response.json()["issue"][0]["diagnostics"] == "Free space on its disk."
    assert response.headers["retry-after"] == "2"


async def test_item_38_a_401_is_bare(make_edge, request_for):
    async def refuses(*_):
        raise Refused("the token has expired")

    response = await make_edge(refuses).fire(request_for())
    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize(("length", "passes"), [(0, False), (1, True), (139, True), (140, False)])
async def test_item_39_a_summary_is_under_140_characters(leaves, length, passes):
    assert bool(await leaves(replace(CARD, summary="é" * length))) == passes


@pytest.mark.parametrize("indicator", ["info", "warning", "critical"])
async def test_item_40_the_three_indicators(leaves, indicator):
    assert (await leaves(replace(CARD, indicator=indicator)))["indicator"] == indicator


@pytest.mark.parametrize("indicator", ["hard-stop", "", None, "Info"])
async def test_item_40_no_other_indicator(leaves, indicator):
    assert await leaves(replace(CARD, indicator=indicator)) is None


async def test_item_41_a_source_is_required(leaves):
    assert (await leaves(CARD))["source"]["label"] == "Chartside"
    assert await leaves(replace(CARD, source=None)) is None


@pytest.mark.parametrize(
    "detail",
    ["- **Sepsis** \\<b> 3 < 5, p<0.05, a<-b", "| a | b |\n|---|---|\n| 1 | 2 |", "&lt;b>"],
)
async def test_item_42_detail_is_markdown(leaves, detail):
    assert (await leaves(replace(CARD, detail=detail)))["detail"] == detail


@pytest.mark.parametrize(
    "detail",
    ["<b>x</b>", "a <img src=x onerror=y>", "<script>", "</p>", "<!-- x -->", "\\\\<i>", "x\n<?a"],
)
async def test_item_42_live_html_in_detail_holds_the_answer_back(leaves, detail):
    assert await leaves(replace(CARD, detail=detail)) is None


async def test_item_43_the_uuid_goes_as_it_is(leaves):
    assert (await leaves(CARD))["uuid"] == "card-1"
    assert "uuid" not in await leaves(replace(CARD, uuid=""))


async def test_item_44_suggestions_need_a_selection_behavior(leaves):
    with_both = replace(CARD, suggestions=(SUGGESTION,), selection_behavior="any")
    assert (await leaves(with_both))["suggestions"][0]["uuid"] == "s-1"
    assert await leaves(replace(CARD, suggestions=(SUGGESTION,))) is None


@pytest.mark.parametrize(
    ("behavior", "passes"), [("any", True), ("at-most-one", True), ("all", False)]
)
async def test_item_45_the_two_selection_behaviors(leaves, behavior, passes):
    card = replace(CARD, suggestions=(SUGGESTION,), selection_behavior=behavior)
    assert bool(await leaves(card)) == passes


async def test_item_46_each_override_reason_has_a_display(leaves):
    sent = await leaves(replace(CARD, override_reasons=(REASON,)))
    assert sent["overrideReasons"][0]["display"] == "Does not fit"
    assert (
        await leaves(replace(CARD, override_reasons=(REASON, replace(REASON, display="")))) is None
    )


async def test_item_47_links_are_an_array(leaves):
    link = Link("Basis", "https://cds.example/basis")
    assert (await leaves(replace(CARD, links=(link,))))["links"] == [
        {"label": "Basis", "url": "https://cds.example/basis", "type": "absolute"}
    ]


async def test_item_48_an_extension_is_an_object(leaves):
    extension = {"com.epic.cdshooks.card.detail.content-type": "text/markdown"}
    assert (await leaves(replace(CARD, extension=extension)))["extension"] == extension
    assert await leaves(replace(CARD, extension=["x"])) is None


async def test_item_49_source_urls_are_absolute_and_topics_coded(leaves):
    topic = Coding("differential", "https://cds.example/topics")
    whole = Source("C", "https://a.example", "https://a.example/icon.png", topic)
    sent = (await leaves(replace(CARD, source=whole)))["source"]
    assert sent["topic"] == {"code": "differential", "system": "https://cds.example/topics"}
    for broken in (
        Source("C", url="/basis"),
        Source("C", icon="icon.png"),
        Source("C", url="javascript:alert(1)"),
        Source(""),
        Source("C", topic=Coding("x", "")),
    ):
        assert await leaves(replace(CARD, source=broken)) is None


async def test_item_50_several_recommendations_only_where_several_may_be_chosen(leaves):
    both = tuple(Suggestion(name, is_recommended=True) for name in ("a", "b"))
    many = replace(CARD, suggestions=both, selection_behavior="any")
    sent = await leaves(many)
    assert [s["isRecommended"] for s in sent["suggestions"]] == [True, True]
    assert "actionSelectionBehavior" not in json.dumps(sent)
    assert await leaves(replace(many, selection_behavior="at-most-one")) is None
    one = replace(many, suggestions=(both[0], Suggestion("b", is_recommended=False)))
    assert await leaves(replace(one, selection_behavior="at-most-one"))


@pytest.mark.parametrize(
    ("action", "passes"),
    [
        (CREATE, True),
        (Action("update", "x", resource={**CONDITION, "id": "1"}), True),
        (Action("delete", "x", resource_id="Condition/1"), True),
        (Action("create", "x"), False),
        (Action("create", "", resource=CONDITION), False),
        (Action("create", "x", resource={"code": {"text": "x"}}), False),
        (Action("delete", "x"), False),
        (Action("delete", "x", resource_id="Condition/1", resource=CONDITION), False),
        (Action("delete", "x", resource_id="https://a.example/Condition/1"), False),
    ],
)
async def test_item_51_actions_have_what_their_type_needs(leaves, action, passes):
    suggestion = Suggestion("x", actions=(action,))
    card = replace(CARD, suggestions=(suggestion,), selection_behavior="any")
    assert bool(await leaves(card)) == passes


async def test_item_52_there_are_no_system_actions(edge, request_for):
    assert "systemActions" not in (await edge.fire(request_for())).json()


@pytest.mark.parametrize(
    ("link", "passes"),
    [
        (Link("x", "https://a.example"), True),
        (Link("x", "https://a.example", "smart"), True),
        (Link("x", "https://a.example", "absolute", "context"), False),
        (Link("x", "/relative"), False),
        (Link("", "https://a.example"), False),
        (Link("x", ""), False),
    ],
)
async def test_item_53_links(leaves, link, passes):
    assert bool(await leaves(replace(CARD, links=(link,)))) == passes


async def test_item_54_app_context_goes_with_smart_links(leaves):
    link = Link("App", "https://a.example/launch", "smart", '{"consultation":"1"}')
    assert (await leaves(replace(CARD, links=(link,))))["links"][0]["appContext"] == (
        '{"consultation":"1"}'
    )


@pytest.mark.parametrize("broken", [replace(REASON, code=""), replace(REASON, system="")])
async def test_item_55_a_coding_has_code_and_system(leaves, broken):
    assert await leaves(replace(CARD, override_reasons=(broken,))) is None


async def test_item_56_the_example_codes_of_the_draft_can_be_sent(leaves):
    system = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
    reason = Coding("does-not-align-latest-evidence", system, "Does not align with evidence")
    sent = await leaves(replace(CARD, override_reasons=(reason,)))
    assert sent["overrideReasons"][0]["system"] == system


@pytest.mark.parametrize(
    ("extension", "passes"),
    [
        ({"org.example.cards.basis": {"a": 1}}, True),
        ({"basis": {"a": 1}}, False),
        ({"org.example.x": {"a": [1, None]}}, False),
    ],
)
async def test_item_57_extension_names_are_reverse_domain(leaves, extension, passes):
    assert bool(await leaves(replace(CARD, extension=extension))) == passes


async def test_an_invalid_answer_never_leaves_and_is_not_quoted(make_edge, request_for, code_of):
    edge = make_edge(Response((replace(CARD, summary="SENTINEL " * 30),)))
    response = await edge.fire(request_for())
    assert (response.status_code, code_of(response)) == (500, "answer-invalid")
    assert response.json()["issue"][0]["expression"] == ["cards/0/summary"]
    assert "SENTINEL" not in response.text
    assert edge.seen[0].code == "answer-invalid"
