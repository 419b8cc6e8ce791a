"""Ordinary phrasings tell the findings they should, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mapping.findings import vocabulary
from tests.fhir_mapping.findings.scoring import cases, wrong

_LISTS = ("now", "denied", "past", "unsure", "family", "not")


FILES = ("phrasings.toml", "put_aside.toml", "second_set.toml", "third_set.toml")
_MISSED = {
    "Childhood febrile seizures",
    "Chest feels like it is in a vice",
    "Head feels like it will explode",
    "Pain going down the back of the leg",
    "Sweating buckets at night",
    "s/p MVC, c/o LBP",
    "Pain started around the navel, now in the right lower abdomen",
}
"""Known not to be read; docs/mapping.md counts them."""


@pytest.mark.parametrize("case", [c for f in FILES for c in cases(f)], ids=lambda c: c["text"])
def test_a_phrasing_is_read(case: dict[str, Any]) -> None:
    assert bool(wrong(case)) is (case["text"] in _MISSED), wrong(case)


@pytest.mark.parametrize("name", FILES)
def test_the_findings_of_the_phrasings_are_in_the_vocabulary(name: str) -> None:
    named = {n for case in cases(name) for key in _LISTS for n in case.get(key, [])}
    assert named <= vocabulary().keys()
