"""How-to pages are short enough to be read; what is generated or a list may be longer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name_of

READERS = ("integrators", "clinicians", "reviewers", "operators")
GENERATED = {
    "docs/integrators/conformance.md",
    "docs/integrators/prefetch.md",
    "docs/integrators/what-clients-show.md",
}
HOW_TO = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(p for p in PAGES if p.parent.name in READERS and name_of(p) not in GENERATED),
]


def words_of(page: Path) -> int:
    """Words as a reader sees them: no addresses of links, no rules of tables, no comments."""
    shown = re.sub(r"\]\([^)]*\)|<!--.*?-->", "]", page.read_text("utf-8"), flags=re.DOTALL)
    return len([word for word in shown.split() if word.strip("|-")])


@pytest.mark.parametrize("page", HOW_TO, ids=name_of)
def test_a_how_to_page_has_a_thousand_words_at_most(page: Path) -> None:
    assert words_of(page) <= 1000
