"""The form of a consultation's page: judgements of single diagnoses, and nothing else."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.judgements import Judgement, judgement_of, parse_form, wrong
from cds_hooks.protocol.protocol_errors import FeedbackInvalid

FORM = {"content-type": "application/x-www-form-urlencoded"}
PATH = "/consultations/abc/feedback"


async def test_a_form_is_kept_and_the_page_shown_again(edge):
    body = urlencode({"said-1": "wrong", "why-1": "need-more-info", "said-2": "useful"})
    response = await edge.request("POST", PATH, content=body, headers=FORM)
    assert (response.status_code, response.headers["location"]) == (303, "../abc")
    said = (Judgement(1, "wrong", "need-more-info"), Judgement(2, "useful"))
    assert edge.judged == [("abc", said, "")]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("said-1=wrong", "application/json", 415),
        ("said-1=wrong", "text/plain", 415),
        ("", FORM["content-type"], 400),
        ("said-1=SENTINEL", FORM["content-type"], 400),
        ("words=" + "x" * 20_000, FORM["content-type"], 400),
        ("&".join(f"a{i}=1" for i in range(500)), FORM["content-type"], 400),
    ],
)
async def test_a_bad_form_is_refused_and_not_echoed(edge, body, kind, status):
    response = await edge.request("POST", PATH, content=body, headers={"content-type": kind})
    assert response.status_code == status
    assert "SENTINEL" not in response.text
    assert edge.judged == []


def test_places_start_at_one_and_end_at_32():
    for place, kept in ((0, False), (1, True), (32, True), (33, False), (99, False)):
        found, words = parse_form(f"said-{place}=wrong&words=note".encode())
        assert ([each.place for each in found], words) == ([place] if kept else [], "note")


def test_a_reason_that_is_not_offered_is_left_out():
    found, _ = parse_form(b"said-3=wrong&why-3=whatever", {"need-more-info"})
    assert found == (Judgement(3, "wrong", ""),)


def test_words_are_cut_at_a_thousand_letters():
    for length in (999, 1000, 1001):
        _, words = parse_form(f"words={'x' * length}".encode())
        assert len(words) == min(length, 1000)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: quote(t).encode()))
def test_any_bytes_give_judgements_or_a_refusal(body):
    try:
        found, words = parse_form(body, {"a"})
    except FeedbackInvalid:
        return
    assert found or words
    assert all(1 <= each.place <= 32 and each.said in ("useful", "wrong") for each in found)


def test_an_override_reason_names_its_diagnosis():
    assert judgement_of(wrong(4, "Wrong: Gout")) == Judgement(4, "wrong")
    ours = wrong(4, "").system
    for reason in (None, Coding("wrong-4", "http://else"), Coding("wrong-0", ours),
                   Coding("wrong-33", ours), Coding("useful-1", ours)):  # fmt: skip
        assert judgement_of(reason) is None
