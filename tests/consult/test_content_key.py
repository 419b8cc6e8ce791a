"""What an answer depends on is in its key: what each fact says, how surely, and of whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import prompts
from cds_hooks.consult.content_key import content_key, what_was_read
from cds_hooks.consultation import KeyArrival, KeyState, ModelIdentity
from fhir_mapping.chart import (
    Certainty,
    Chart,
    Experiencer,
    Fact,
    Flag,
    Kind,
    PatientFacts,
    Polarity,
)

FACT = Fact("P1", Kind.PROBLEM, "Stroke", status="active", sources=("Condition/c1",), days_ago=3.0)
MODEL = ModelIdentity("tiny", "0" * 64, "fake")


def key(fact: Fact) -> str:
    chart = Chart(PatientFacts(60, "male"), (fact,))
    return content_key(chart, prompts.load("differential"), MODEL, None, patient="p")


@pytest.mark.parametrize(
    "change",
    [
        {"polarity": Polarity.ABSENT},
        {"certainty": Certainty.UNCERTAIN},
        {"experiencer": Experiencer.FAMILY},
        {"text": "Strokes"},
        {"status": "resolved"},
        {"flag": Flag.HIGH},
    ],
    ids=str,
)
def test_a_fact_that_says_otherwise_makes_another_key(change: dict[str, Any]) -> None:
    assert key(replace(FACT, **change)) != key(FACT)


def test_time_going_by_makes_no_other_key() -> None:
    assert key(replace(FACT, days_ago=4.0)) == key(FACT)


def key_of(years: float | None, read: object = ()) -> str:
    chart = Chart(PatientFacts(years, "male"), (FACT,))
    template = prompts.load("differential")
    return content_key(chart, template, MODEL, None, patient="p", read=read)


def test_a_newborn_an_infant_and_an_unknown_age_are_three_questions() -> None:
    days = [None, 0.0, 1 / 365.25, 26.5 / 365.25, 28.5 / 365.25, 0.5, 1.0, 1.1, 2.0]
    assert len({key_of(age) for age in days}) == len(days)


def test_a_grown_up_is_one_question_for_a_year() -> None:
    assert key_of(60.0) == key_of(60.9) != key_of(61.0)


@pytest.mark.parametrize(
    ("states", "arrivals"),
    [
        ({"allergies": KeyState.UNAVAILABLE}, {}),
        ({"allergies": KeyState.PARTIAL}, {}),
        ({"allergies": KeyState.PREFETCHED}, {}),
        ({}, {}),
    ],
)
def test_what_was_read_makes_another_key(
    states: dict[str, KeyState], arrivals: dict[str, KeyArrival]
) -> None:
    empty = what_was_read({"allergies": KeyState.EMPTY}, {})
    assert key_of(60.0, what_was_read(states, arrivals)) != key_of(60.0, empty)


def test_what_came_instead_makes_another_key() -> None:
    states = {"allergies": KeyState.UNAVAILABLE}
    html = what_was_read(states, {"allergies": KeyArrival("html")})
    assert html != what_was_read(states, {"allergies": KeyArrival("not-sent")})


def test_sent_by_the_client_or_read_from_its_server_is_the_same() -> None:
    sent = what_was_read({"allergies": KeyState.PREFETCHED}, {})
    assert sent == what_was_read({"allergies": KeyState.FETCHED}, {})
