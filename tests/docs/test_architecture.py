"""The architecture's page names every package there is, and none that is not."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, blocks_of

PAGE = ROOT / "docs/architecture.md"
PACKAGES = {
    path.stem
    for path in (ROOT / "cds_hooks").iterdir()
    if not path.name.startswith("_") and (path.suffix == ".py" or (path / "__init__.py").is_file())
} | {"fhir_mapping", "prompts"}


def test_the_table_has_every_package() -> None:
    table = PAGE.read_text("utf-8").partition("| package |")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(?:cds_hooks\.)?(\w+)`", row)}
    assert named == PACKAGES


def test_the_diagram_has_every_package() -> None:
    [_, diagram] = [b.text for b in blocks_of(PAGE) if b.language == "mermaid"]
    assert {name for name in PACKAGES if not re.search(rf"\b{name}\b", diagram)} == set()


def test_every_place_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:cds_hooks|fhir_mapping|docs)/[\w/.-]+)`", PAGE.read_text("utf-8"))
    assert len(named) >= 7
    assert [path for path in named if not (ROOT / path).exists()] == []
