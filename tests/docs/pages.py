"""The pages of the documentation, and the blocks of code on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "blocks_of", "name_of", "tokens_of"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_PARSER = MarkdownIt("commonmark").enable("table")
_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, line, language and text, and the comment in front of it."""

    page: Path
    line: int
    language: str
    text: str
    comment: str = ""

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """The page's path within the repository."""
    return str(page.relative_to(ROOT))


@cache
def tokens_of(page: Path) -> tuple[Token, ...]:
    return tuple(_PARSER.parse(page.read_text("utf-8")))


@cache
def blocks_of(page: Path) -> tuple[Block, ...]:
    """Every block of code on the page, indented ones (without a language) included."""
    return tuple(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    comment = ""
    for token in tokens_of(page):
        if token.type in {"fence", "code_block"}:
            line = token.map[0] + 1 if token.map else 0
            yield Block(page, line, token.info.strip(), token.content, comment)
        said = _COMMENT.search(token.content) if token.type == "html_block" else None
        comment = said[1] if said else ""
