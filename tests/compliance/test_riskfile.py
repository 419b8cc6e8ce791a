"""The risk file: what a control names exists, and nothing of the threat model is left out."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from cds_hooks.compliance.hazards import characteristic_counts, hazard_table
from cds_hooks.compliance.riskfile import riskfile_document
from cds_hooks.compliance.threat_rows import read_threats, rows_of, threats
from cds_hooks.documents import FORMATS, render

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "THREAT_MODEL.md").read_text("utf-8")
NAMED = sorted({test for each in hazard_table().hazards for test in each.tests})
EIGHT = {
    "validity", "reliability", "robustness", "fairness", "intelligibility", "safety", "security",
    "privacy",
}  # fmt: skip


@cache
def _names_of(file: str) -> set[str]:
    text = (ROOT / file).read_text("utf-8")
    return set(re.findall(r"^(?:async )?def (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_a_hazard_names_exists(named: str) -> None:
    file, _, name = named.partition("::")
    assert name in _names_of(file)


def test_each_hazard_has_a_cause_a_harm_a_control_and_says_what_remains() -> None:
    hazards = hazard_table().hazards
    assert len({each.id for each in hazards}) == len(hazards) >= 15
    for each in hazards:
        assert all((each.cause, each.harm, each.controls, each.tests, each.remains)), each.id
        assert set(each.concerns) <= EIGHT


def test_the_threat_model_s_rows_are_the_ones_that_ship() -> None:
    made_by = "run `python -m cds_hooks.compliance.threat_rows`"
    shipped = (ROOT / "cds_hooks/compliance/data/threats.toml").read_text("utf-8")
    assert shipped == rows_of(PAGE), made_by
    ways, _, _ = PAGE.partition("## Every parser of outside bytes")
    rows = [line for line in ways.splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(threats()) == len(rows) > 60
    assert {each.way for each in threats()} == set(hazard_table().ways)


def test_a_row_is_read_with_its_entry_point_its_control_and_its_tests() -> None:
    page = (
        "## Entry points\n### W1. Calling (A1)\n| threat | control | shown by |\n|---|---|---|\n"
        '| a call **P** | a token "signed" | `tests/a/test_b.py::test_c`, `tests/d.py::test_e` |\n'
        "## Every parser\n| a | b | `tests/a/test_b.py::test_c` |\n"
    )
    [row] = read_threats(page)
    assert (row.way, row.threat, row.control) == ("W1", "a call (production)", 'a token "signed"')
    assert row.tests == ("tests/a/test_b.py::test_c", "tests/d.py::test_e")


def test_each_of_the_eight_characteristics_has_a_hazard() -> None:
    counts = characteristic_counts()
    assert counts.keys() == EIGHT
    assert min(counts.values()) > 0


@pytest.mark.parametrize("format_", FORMATS)
def test_the_document_says_what_only_the_site_can_estimate(format_: str) -> None:
    document = riskfile_document("2026-11-29T10:00:00Z", "0.1.0", "")
    assert [row.id for row in document.rows if not row.available] == ["R01", "R02", "R03", "R04"]
    told = render(document, format_)
    assert "no clinician has reviewed it" in told
    assert "not available" in told
    assert "automation bias" in told.lower()
