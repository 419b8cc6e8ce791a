"""Observation.focus: what is another's is left out, what is the patient's own is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]
OTHERS = {"resourceType": "Condition", "id": "c9", "subject": {"reference": "Patient/p9"},
          "code": {"text": "Anaemia"}}  # fmt: skip


@pytest.mark.parametrize(
    ("focus", "told"),
    [
        ({"reference": "https://a.example/fhir/Patient/p1/_history/3"}, True),
        ({"reference": "https://a.example/fhir/Patient/p9/_history/3"}, False),
        ({"display": "Breast cancer"}, True),
        ({"display": "Fetus A"}, False),
        ({"display": "Spender"}, False),
        ({"identifier": {"value": "x"}}, False),
        ({"reference": "urn:uuid:1111"}, False),
        ({}, True),
        ({"reference": "Condition/c9"}, False),
    ],
)
def test_whose_a_focus_is(chart_of: Make, lab: Make, focus: dict[str, Any], told: bool) -> None:
    chart = chart_of(lab("o1", "1-1", "T", 3, "cm", focus=[focus]), OTHERS)
    assert [fact.text for fact in chart.facts] == (["T 3 cm"] if told else [])


@pytest.mark.parametrize("name", ["observation-focusCode", "observation-focal-subject"])
def test_a_focus_by_extension_is_another(reasons: Make, lab: Make, name: str) -> None:
    url = f"http://hl7.org/fhir/StructureDefinition/{name}"
    sent = [{"url": url, "valueCodeableConcept": {"text": "fetus"}}]
    told = reasons(lab("o1", "1-1", "T", 3, "cm", extension=sent))
    assert told["Observation/o1"] == "other-focus"


def test_the_members_of_anothers_panel_are_another(reasons: Make, lab: Make) -> None:
    member = lab("m", "1-1", "T", 3, "cm")
    panel = lab("o1", "2-2", "U", 3, "cm", focus=[{"reference": "RelatedPerson/r"}],
                contained=[member], hasMember=[{"reference": "#m"}])  # fmt: skip
    assert reasons(panel) == {"Observation/o1": "other-focus"}
