"""The forms and the sampling rule of reviews."""

from __future__ import annotations

import contextlib
import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit.reviews import EntryReview, ReviewAnswer
from cds_hooks.console.reviews.forms import (
    ReviewFormRefused,
    answer_of,
    consultation_of,
    fields_of,
    kind_of,
)
from cds_hooks.console.reviews.review_settings import ReviewSettings
from cds_hooks.console.reviews.sampling import FLAGGED, RANDOM, chosen

ID = "11111111-1111-4111-8111-111111111111"


def _digest(purpose: str, text: str) -> str:
    return f"h1:{hashlib.sha256(f'{purpose} {text}'.encode()).hexdigest()}"


def test_what_a_form_says() -> None:
    form = fields_of(
        urlencode(
            {
                "consultation": ID,
                "kind": "engineer",
                "said": "agree",
                "why": " fine ",
                "said-1": "disagree",
                "why-1": "no",
                "said-3": "agree",
            }
        ).encode()
    )
    assert (consultation_of(form), kind_of(form)) == (ID, "engineer")
    # A place that the list has not is nobody's.
    expected = ReviewAnswer("agree", "fine", (EntryReview(1, "disagree", "no"),))
    assert answer_of(form, 2) == expected


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ({}, "said"),
        ({"said": "perhaps"}, "said"),
        ({"said": "disagree"}, "why"),
        ({"said": "disagree", "why": " \u200b "}, "why"),
        ({"said": "agree", "said-1": "disagree"}, "why-1"),
    ],
)
def test_whoever_disagrees_says_why(form: dict[str, str], where: str) -> None:
    with pytest.raises(ReviewFormRefused) as refused:
        answer_of(form, 1)
    assert refused.value.where == where


@given(st.binary(max_size=300))
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    with contextlib.suppress(ReviewFormRefused):
        form = fields_of(body)
        assert kind_of(form) in ("clinician", "compliance", "engineer")
    with contextlib.suppress(ReviewFormRefused):
        assert len(consultation_of(fields_of(body))) == 36


def test_the_rule_chooses_the_same_ones_again_and_about_its_share() -> None:
    found = [(f"c-{n}", "answered") for n in range(2000)]
    few = list(chosen(found, ReviewSettings(share=0.1), _digest))
    assert few == list(chosen(found, ReviewSettings(share=0.1), _digest))
    # A larger share has all of a smaller one: what was chosen stays chosen.
    assert set(few) < set(chosen(found, ReviewSettings(share=0.2), _digest))
    assert 150 < len(few) < 250  # fixed by the hash: no chance is in it
    assert {why for _, why in few} == {RANDOM}
    assert list(chosen(found, ReviewSettings(), _digest)) == []


def test_an_outcome_that_the_settings_name_is_always_reviewed() -> None:
    settings = ReviewSettings.model_validate({"outcomes": ["invalid-output"]})
    found = [("a", "answered"), ("b", "invalid-output")]
    assert list(chosen(found, settings, _digest)) == [("b", FLAGGED)]
