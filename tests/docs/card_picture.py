"""The README's picture: a card that `make demo` ended with, drawn as an EHR's side panel shows it.

`docs/images/card.json` is the card as `chartside demo --json` printed it, its addresses shortened.
`python -m tests.docs.card_picture` draws `docs/images/card.svg` from it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.pages import ROOT

__all__ = ["CARD", "PICTURE", "drawn"]

CARD = ROOT / "docs/images/card.json"
PICTURE = ROOT / "docs/images/card.svg"
_WIDTH, _LEFT, _LINE = 780, 26, 19
_COLOURS = {"critical": "#b3261e", "warning": "#b26a00", "info": "#1f5fa8"}
_PARSER = MarkdownIt("commonmark")


class _Line(NamedTuple):
    """One line of text: its parts (text, bold), left edge and height above it in pixels."""

    parts: tuple[tuple[str, bool], ...]
    left: int = _LEFT
    above: int = 0
    style: str = "t"


def drawn(card: Mapping[str, Any]) -> str:
    """The card as an SVG document."""
    lines = [*_summary(card), *_detail(str(card["detail"])), *_foot(card)]
    body, y = [], 14
    for line in lines:
        y += _LINE + line.above
        body.append(_text(line, y))
    height, colour = y + 18, _COLOURS[str(card["indicator"])]
    return _FRAME.format(
        width=_WIDTH,
        height=height,
        inner=height - 2,
        colour=colour,
        title=escape(str(card["summary"])),
        body="\n".join(body),
    )


def _text(line: _Line, y: int) -> str:
    spans = "".join(
        f'<tspan font-weight="600">{escape(text)}</tspan>' if bold else escape(text)
        for text, bold in line.parts
    )
    return f'<text class="{line.style}" x="{line.left}" y="{y}">{spans}</text>'


def _summary(card: Mapping[str, Any]) -> Iterator[_Line]:
    yield _Line(((str(card["indicator"]).upper(), True),), style="i")
    for text in textwrap.wrap(str(card["summary"]), 88):
        yield _Line(((text, True),), style="s", above=2)


def _detail(markdown: str) -> Iterator[_Line]:
    """Paragraphs and points of the card's Markdown, wrapped."""
    depth, above = 0, 10
    for token in _PARSER.parse(markdown):
        depth += token.nesting if token.type.startswith("bullet_list") else 0
        if token.type == "inline":
            yield from _wrapped(list(_parts(token)), depth, above)
            above = 3 if depth else 6
        elif token.type == "bullet_list_close":
            above = 10


def _parts(token: Token) -> Iterator[tuple[str, bool]]:
    """Words with whether they are bold."""
    bold = False
    for child in token.children or ():
        bold = {"strong_open": True, "strong_close": False}.get(child.type, bold)
        if child.content:
            yield child.content, bold


def _wrapped(parts: list[tuple[str, bool]], depth: int, above: int) -> Iterator[_Line]:
    """Lines of at most 110 characters; the bold parts stay bold wherever a line breaks."""
    text = "".join(part for part, _ in parts)
    marks = [bold for part, bold in parts for _ in part]
    left, at = _LEFT + 14 * depth, 0
    if depth:
        text, marks = f"• {text}", [False, False, *marks]
    for number, line in enumerate(textwrap.wrap(text, 108 - 3 * depth)):
        at = text.index(line, at)
        runs = _runs(line, marks[at : at + len(line)])
        yield _Line(tuple(runs), left + (10 if number and depth else 0), above if not number else 0)
        at += len(line)


def _runs(line: str, marks: list[bool]) -> Iterator[tuple[str, bool]]:
    start = 0
    for i in range(1, len(line) + 1):
        if i == len(line) or marks[i] != marks[start]:
            yield line[start:i], marks[start]
            start = i


def _foot(card: Mapping[str, Any]) -> Iterator[_Line]:
    for number, link in enumerate(card["links"]):
        yield _Line(((str(link["label"]), False),), style="l", above=0 if number else 10)
    yield _Line(((str(card["source"]["label"]), False),), style="f", above=6)


_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
  viewBox="0 0 {width} {height}" role="img" aria-label="{title}">
<title>{title}</title>
<style>
text {{ font-family: "Segoe UI", "Helvetica Neue", Arial, sans-serif; white-space: pre; }}
.t {{ font-size: 13.5px; fill: #1c2530; }}
.s {{ font-size: 15.5px; fill: #1c2530; }}
.i {{ font-size: 11px; letter-spacing: 1px; fill: {colour}; }}
.l {{ font-size: 13px; fill: #1f5fa8; text-decoration: underline; }}
.f {{ font-size: 12px; fill: #5a6673; }}
</style>
<rect x="1" y="1" width="778" height="{inner}" rx="6" fill="#ffffff" stroke="#c4ccd6"/>
<rect x="1" y="1" width="7" height="{inner}" rx="3" fill="{colour}"/>
{body}
</svg>
"""

if __name__ == "__main__":
    PICTURE.write_text(drawn(json.loads(CARD.read_text("utf-8"))), "utf-8")
