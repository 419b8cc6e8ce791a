"""Every relative link of a page leads to a file and a heading that exist; no page is an orphan."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import PAGES, ROOT, name_of, tokens_of


@cache
def links_of(page: Path) -> tuple[str, ...]:
    """The targets of a page's links and pictures, code left out."""
    inline = (t for t in tokens_of(page) if t.type == "inline")
    parts = (part for token in inline for part in token.children or ())
    targets = (part.attrGet("href") or part.attrGet("src") for part in parts)
    return tuple(str(target) for target in targets if target)


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives to a page's headings."""
    tokens = tokens_of(page)
    heads = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    return frozenset(_slug(head) for head in heads)


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", ""))
    kept = [c for c in text.lower() if c in " -_" or unicodedata.category(c)[0] in "LNM"]
    return "".join(kept).replace(" ", "-")


def _resolve(page: Path, link: str) -> tuple[Path, str]:
    path, _, anchor = link.partition("#")
    return ((page.parent / unquote(path)).resolve() if path else page), anchor


def _broken(page: Path) -> list[str]:
    broken = []
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, anchor = _resolve(page, link)
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert _broken(page) == []


def test_the_slug_is_githubs() -> None:
    assert _slug("`auditevents`: IHE Basic Audit Log Patterns (BALP)") == (
        "auditevents-ihe-basic-audit-log-patterns-balp"
    )
    assert _slug("1. Look at the file") == "1-look-at-the-file"


# Pages of ggml, of llama.cpp and of a model's publisher.
_FOREIGN = (
    "docs/gguf.md",
    "docs/build.md",
    "docs/backend/CUDA-FEDORA.md",
    "docs/gpt-oss-20b-architecture.md",
)


def _files_that_name_pages() -> list[Path]:
    tops = ("cds_hooks", "deploy", "fhir_mapping", "prompts")
    files = [file for top in tops for file in (ROOT / top).rglob("*")]
    return [*(f for f in files if f.suffix in {".py", ".toml", ".service"}), *PAGES]


def test_every_page_that_is_named_in_the_source_exists() -> None:
    missing = [
        f"{name_of(file)}: {named}"
        for file in _files_that_name_pages()
        for named in re.findall(r"(?<![\w./-])docs/[\w./-]+\.md", file.read_text("utf-8"))
        if named not in _FOREIGN and not (ROOT / named).is_file()
    ]
    assert missing == []


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs/README.md"
    linked = {index, *(_resolve(index, link)[0] for link in links_of(index))}
    pages = [page for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [name_of(page) for page in pages if page not in linked] == []
