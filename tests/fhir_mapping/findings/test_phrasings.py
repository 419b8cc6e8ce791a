"""Ordinary phrasings tell the findings they should, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mapping.findings import vocabulary
from tests.fhir_mapping.findings.scoring import cases, wrong

_LISTS = ("now", "denied", "past", "unsure", "family", "not")


@pytest.mark.parametrize("case", cases("phrasings.toml"), ids=lambda c: c["text"])
def test_a_phrasing_is_read(case: dict[str, Any]) -> None:
    assert wrong(case) == []


@pytest.mark.parametrize("name", ["phrasings.toml", "put_aside.toml"])
def test_the_findings_of_the_phrasings_are_in_the_vocabulary(name: str) -> None:
    named = {n for case in cases(name) for key in _LISTS for n in case.get(key, [])}
    assert named <= vocabulary().keys()
