"""A verdict means one thing: the rules' own words stand on every page that explains it."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from cds_hooks.consultation import Verdict
from cds_hooks.plausibility.verdicts import verdict_meanings, verdict_rules

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(r"^\| (\w+) \| (.*) \|$", re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/clinicians/reading-a-card.md"])
def test_a_page_gives_each_verdict_the_meaning_of_the_rules(page: str) -> None:
    rows = dict(_ROW.findall((ROOT / page).read_text("utf-8")))
    told = {v: rows.get(v.value) for v in Verdict}
    assert told == dict(verdict_meanings())


def test_the_card_gives_each_verdict_the_meaning_of_the_rules() -> None:
    text = files("cds_hooks.cards").joinpath("data/texts.toml").read_text("utf-8")
    assert tomllib.loads(text)["verdicts"] == {v.value: m for v, m in verdict_meanings().items()}


def test_every_verdict_of_a_rule_has_a_meaning_and_every_rule_a_reason() -> None:
    for table in ("rule", "entered"):
        for rule in verdict_rules(table):
            assert verdict_meanings()[rule.verdict]
            assert rule.reason.endswith(".")
