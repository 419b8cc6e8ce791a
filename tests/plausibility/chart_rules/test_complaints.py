"""Chief complaints, each with the diagnoses not to be missed: all have a pattern or a reason."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

from cds_hooks.plausibility.chart_rules.finding_patterns import patterns

TABLE: dict[str, Any] = tomllib.loads(
    files("cds_hooks.plausibility").joinpath("data/complaints.toml").read_text("utf-8")
)
COVERED = {p.diagnosis for p in patterns()}
LEFT_OUT = {row["diagnosis"]: row["reason"] for row in TABLE["no_rule"]}
ASKED = {d for c in TABLE["complaint"] for d in c["cannot_miss"]}


def test_every_diagnosis_not_to_be_missed_has_a_pattern_or_a_reason() -> None:
    assert ASKED - COVERED - set(LEFT_OUT) == set()


def test_a_reason_stands_only_where_there_is_no_pattern() -> None:
    assert set(LEFT_OUT) <= ASKED - COVERED
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_every_pattern_serves_a_complaint() -> None:
    assert set() == COVERED - ASKED


def test_there_are_some_forty_complaints_each_with_a_known_source() -> None:
    names = [c["name"] for c in TABLE["complaint"]]
    assert len(set(names)) == len(names) >= 40
    for complaint in TABLE["complaint"]:
        assert complaint["source"] in TABLE["sources"]
        assert complaint["cannot_miss"]
        looked_up = complaint["looked_up"]
        assert looked_up is False or date.fromisoformat(looked_up)
