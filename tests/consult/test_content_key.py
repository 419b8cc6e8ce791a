"""What an answer depends on is in its key: what each fact says, how surely, and of whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import prompts
from cds_hooks.consult.question import content_key
from cds_hooks.consultation import ModelIdentity
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
