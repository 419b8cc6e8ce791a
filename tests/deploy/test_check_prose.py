"""The prose check reads prose and nothing else, and finds what it should."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check_prose() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_prose", ROOT / "deploy/check_prose.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_code_and_addresses_are_no_prose_and_lines_stay(check_prose: ModuleType) -> None:
    page = "One `very` word\n```sh\nvery\n```\n[two](very.md) https://very.example\n<!-- very -->\n"
    prose = check_prose.prose_of(page)
    assert "very" not in prose
    assert prose.startswith("One xxxxxx word\n")
    assert "[twoxxxxxxxxxx xxxx" in prose
    assert prose.count("\n") == page.count("\n")


def test_it_finds_what_it_should_with_its_line(check_prose: ModuleType) -> None:
    text = "# A page\n\nThis is fine.\n\nIt is kept for ever, and it is very unique.\n"
    found = list(check_prose.problems_in("page.md", text))
    assert sorted(problem.split(": ")[:2] for problem in found) == [
        ["page.md:5", "archaism"],
        ["page.md:5", "uncomparables"],
        ["page.md:5", "weasel_words.very"],
    ]


def test_no_page_has_a_problem(check_prose: ModuleType) -> None:
    pages = check_prose.pages()
    assert ROOT / "README.md" in pages
    assert len(pages) > 40
    assert check_prose.main() == 0
