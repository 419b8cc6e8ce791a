"""Every test that the threat model names exists, and every row of its tables names one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "THREAT_MODEL.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


@cache
def _functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda each: each.rpartition("/")[2])
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    assert (ROOT / file).is_file(), file
    assert name in _functions_of(file)


def test_every_threat_and_every_parser_has_a_test() -> None:
    _, _, tables = TEXT.partition("## Entry points and controls")
    tables, _, rest = tables.partition("## What is not defended")
    rows = [line for line in tables.splitlines() if line.startswith("| ") and "---" not in line]
    heads = ("| threat |", "| what comes in |")
    without = [row for row in rows if "tests/" not in row and not row.startswith(heads)]
    assert without == []
    assert len(rows) > 60
    assert rest.count("\n- **") >= 8


def test_pages_that_the_policy_names_exist() -> None:
    policy = (ROOT / "SECURITY.md").read_text("utf-8")
    assert "Never send patient data" in policy
    for page in re.findall(r"docs/[\w/-]+\.md", policy + TEXT):
        assert (ROOT / page).is_file(), page
