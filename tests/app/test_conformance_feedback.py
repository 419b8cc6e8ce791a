"""Items 58 to 62: feedback, against the real application."""

from __future__ import annotations

import logging

import pytest

from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.feedback import FeedbackEntry

PATH = "/cds-services/chartside-patient-view/feedback"
TIME = "2026-01-30T12:00:00.000Z"
ACCEPTED = {
    "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
    "outcomeTimestamp": TIME,
}
REASON = {"code": "patient-ineligible", "system": "http://example.org/reasons"}
OVERRIDDEN = {
    "card": "123456",
    "outcome": "overridden",
    "overrideReason": {"reason": REASON, "userComment": "does not fit"},
    "outcomeTimestamp": TIME,
}


def taken(edge) -> list[FeedbackEntry]:
    return [entry for _, entries, _ in edge.recorded for entry in entries]


async def test_item_58_feedback_is_posted_under_the_service(edge):
    response = await edge.post(PATH, {"feedback": [ACCEPTED]})
    assert response.status_code == 200
    service, entries, info = edge.recorded[0]
    assert service == "chartside-patient-view"
    assert entries[0].card == ACCEPTED["card"]
    assert info.request_id == response.headers["x-request-id"]


@pytest.mark.parametrize("body", [{}, {"feedback": {}}, {"feedback": None}, {"entries": []}, []])
async def test_item_58_the_body_is_an_object_with_an_array(edge, body):
    response = await edge.post(PATH, body)
    assert response.status_code == 400
    assert response.json()["resourceType"] == "OperationOutcome"
    assert not edge.recorded


async def test_item_58_an_empty_array_is_nothing_to_record(edge):
    assert (await edge.post(PATH, {"feedback": []})).status_code == 200
    assert not edge.recorded


async def test_item_59_accepted_and_overridden_are_read(edge):
    assert (await edge.post(PATH, {"feedback": [ACCEPTED, OVERRIDDEN]})).status_code == 200
    assert taken(edge) == [
        FeedbackEntry(
            card=ACCEPTED["card"],
            outcome="accepted",
            outcome_at=TIME,
            accepted_suggestions=("e56e1945-20b3-4393-8503-a1a20fd73152",),
        ),
        FeedbackEntry(
            card="123456",
            outcome="overridden",
            outcome_at=TIME,
            override_reason=Coding("patient-ineligible", "http://example.org/reasons"),
            user_comment="does not fit",
        ),
    ]


@pytest.mark.parametrize(
    "reason",
    [
        {"overrideReasons": {"reason": REASON, "extension": {"a": "b"}}},
        {"overrideReasons": [{"reason": REASON}]},
        {"overrideReason": {"reason": REASON}},
    ],
)
async def test_item_59_both_spellings_of_the_override_reason(edge, reason):
    entry = {"card": "123456", "outcome": "overridden", "outcomeTimestamp": TIME, **reason}
    assert (await edge.post(PATH, {"feedback": [entry]})).status_code == 200
    assert taken(edge)[0].override_reason.code == "patient-ineligible"


async def test_item_60_one_bad_entry_does_not_cost_the_batch(edge):
    batch = [ACCEPTED, {"card": "x", "outcome": "SENTINEL"}, "SENTINEL", None, OVERRIDDEN, ACCEPTED]
    response = await edge.post(PATH, {"feedback": batch})
    assert response.status_code == 200
    assert [entry.card for entry in taken(edge)] == [ACCEPTED["card"], "123456", ACCEPTED["card"]]
    first, *rest = response.json()["issue"]
    assert first["details"]["text"] == "entries taken: 3"
    paths = [issue["expression"][0] for issue in rest]
    assert paths == ["feedback[1].outcome", "feedback[2]", "feedback[3]"]
    assert "SENTINEL" not in response.text


async def test_item_60_a_batch_without_one_good_entry_is_refused(edge, code_of):
    response = await edge.post(PATH, {"feedback": [{"card": 1}, {}]})
    assert (response.status_code, code_of(response)) == (400, "feedback-invalid")
    assert not edge.recorded


async def test_item_60_a_thousand_bad_entries_make_a_short_answer(edge):
    response = await edge.post(PATH, {"feedback": [ACCEPTED] + [{}] * 1000})
    assert response.status_code == 200
    assert len(response.json()["issue"]) <= 25


async def test_item_61_the_answer_is_200_and_says_what_was_taken(edge):
    response = await edge.post(PATH, {"feedback": [ACCEPTED]})
    assert response.status_code == 200
    assert response.json()["issue"][0]["severity"] == "information"


async def test_item_61_feedback_for_no_service_of_ours_is_404(edge, code_of):
    response = await edge.post("/cds-services/other/feedback", {"feedback": [ACCEPTED]})
    assert (response.status_code, code_of(response)) == (404, "service-unknown")


async def test_item_62_the_comment_is_never_shown(make_edge, caplog):
    caplog.set_level(logging.DEBUG)

    async def fails(_, entries, __):
        raise RuntimeError(entries[0].user_comment)

    edge = make_edge(record=fails)
    entry = {**OVERRIDDEN, "overrideReason": {"userComment": "Mrs SENTINEL refuses"}}
    response = await edge.post(PATH, {"feedback": [entry]})
    assert response.status_code == 500
    assert taken(edge)[0].user_comment == "Mrs SENTINEL refuses"
    shown = [response.text, repr(edge.recorded), str(edge.seen), caplog.text]
    assert not [text for text in shown if "SENTINEL" in text]


@pytest.mark.parametrize("time", [..., "", "yesterday", "2026-01-30T12:00:00", "2026-13-30T12:00Z"])
async def test_an_entry_whose_time_cannot_be_read_is_kept_and_told_of(edge, time):
    entry = {**ACCEPTED, "outcomeTimestamp": time}
    if time is ...:
        del entry["outcomeTimestamp"]
    response = await edge.post(PATH, {"feedback": [entry]})
    assert response.status_code == 200
    assert taken(edge)[0].outcome_at == ""
    assert response.json()["issue"][1]["expression"] == ["feedback[0].outcomeTimestamp"]
