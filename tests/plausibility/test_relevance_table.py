"""The tables of what speaks for and against diseases: what they name exists and has a source."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.plausibility.chart.finding_index import WAYS, findings
from cds_hooks.plausibility.chart.results_by_analyte import analytes

STRENGTHS = {"strong", "moderate", "weak"}
DATABASE = Path(__file__).resolve().parents[2] / "build" / "terminology.sqlite"
TABLES = sorted(
    files("cds_hooks.plausibility").joinpath("data/relevance").iterdir(), key=lambda f: f.name
)


def rows() -> list[dict[str, Any]]:
    return [row for t in TABLES for row in tomllib.loads(t.read_text("utf-8"))["disease"]]


def signs(row: dict[str, Any]) -> dict[str, Any]:
    return {**row.get("for", {}), **row.get("against", {})}


def _is_known(name: str) -> bool:
    kind, _, what = name.partition(":")
    if what:
        return kind in ("problem", "drug") and bool(what)
    plain = name.removeprefix("absent-")
    analyte, _, way = name.rpartition("-")
    return (
        name in findings()
        or plain in findings()
        or (analyte in analytes() and way in (*WAYS, "normal"))
    )


def test_there_are_at_least_250_diseases_with_their_own_names() -> None:
    names = Counter(row["name"] for row in rows())
    assert len(names) >= 250
    assert max(names.values()) == 1


def test_every_finding_is_of_the_vocabulary() -> None:
    unknown = {f"{row['name']}: {n}" for row in rows() for n in signs(row) if not _is_known(n)}
    assert unknown == set()


def test_an_invented_finding_is_not_of_the_vocabulary() -> None:
    assert not _is_known("purple-elbows")
    assert not _is_known("purple-high")
    assert not _is_known("mood:I10")


def test_every_disease_has_at_least_four_findings_that_speak_for_it() -> None:
    assert [row["name"] for row in rows() if len(row["for"]) < 4] == []


def test_no_finding_speaks_for_and_against_a_disease() -> None:
    both = [r["name"] for r in rows() if r["for"].keys() & r.get("against", {}).keys()]
    assert both == []


def test_a_strength_is_one_of_three_and_a_ratio_has_its_own_source() -> None:
    for row in rows():
        for name, told in signs(row).items():
            if isinstance(told, str):
                assert told in STRENGTHS, (row["name"], name)
                continue
            assert told["strength"] in STRENGTHS, (row["name"], name)
            assert told["lr"] > 0, (row["name"], name)
            assert told["source"].strip(), (row["name"], name)


def test_a_likelihood_ratio_lies_on_the_side_it_is_given_for() -> None:
    for row in rows():
        for side, above in (("for", True), ("against", False)):
            for name, told in row.get(side, {}).items():
                if not isinstance(told, str):
                    assert (told["lr"] > 1) is above, (row["name"], name)


def test_every_disease_has_a_source_and_says_whether_it_was_looked_up() -> None:
    for row in rows():
        assert row["source"].strip(), row["name"]
        looked_up = row["looked_up"]
        assert looked_up is False or date.fromisoformat(looked_up), row["name"]


def test_no_code_and_no_heading_is_of_two_diseases() -> None:
    for key in ("codes", "mesh"):
        told = Counter(code for row in rows() for code in row.get(key, []))
        assert [code for code, times in told.items() if times > 1] == []


def test_every_disease_has_a_code_or_a_heading() -> None:
    assert [row["name"] for row in rows() if not row["codes"] and not row.get("mesh")] == []


@pytest.mark.skipif(not DATABASE.exists(), reason="the terminology was not compiled")
def test_every_code_exists() -> None:
    with sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True) as database:
        known = set(database.execute("select system, code from concept"))
    codes = {("icd", code) for row in rows() for code in row["codes"]}
    codes |= {
        ("icd", n.removeprefix("problem:"))
        for r in rows()
        for n in signs(r)
        if ":" in n and n[0] == "p"
    }
    assert codes - known == set()
    headings = {("mesh", code) for row in rows() for code in row.get("mesh", [])}
    assert headings - known - _other_headings() == set()


def _other_headings() -> set[tuple[str, str]]:
    """The headings that the terminology's own table names."""
    text = files("cds_hooks.plausibility").joinpath("data/mesh_descriptors.csv").read_text("utf-8")
    return {("mesh", code) for code in re.findall(r"\b[DC]\d{6,9}\b", text)}
