"""A card's detail within its limit: the most important lines, and how many there are besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cds_hooks.cards.card_data import texts
from cds_hooks.cards.escape import capped, escape

__all__ = ["LIMIT", "Block", "composed", "escaped", "joined"]

LIMIT = 900
"""Characters of a card's detail: what a reader takes in within ten seconds (ours)."""


@dataclass(frozen=True, slots=True)
class Block:
    """A title and lines, all Markdown already, the most important line first.

    `more` are lines that were not even made; at least the first `least` lines stay.
    """

    title: str
    lines: tuple[str, ...]
    more: int = 0
    least: int = 0


def composed(head: str, blocks: Sequence[Block], foot: str, limit: int = LIMIT) -> str:
    """Blocks one below the other, within `limit` characters if their least lines allow it.

    Lines go from the end, of the last block first. What went is counted in its block.
    """
    shown = [block for block in blocks if block.lines or block.more]
    for at in range(len(shown) - 1, -1, -1):
        while len(_text(head, shown, foot)) > limit and len(shown[at].lines) > shown[at].least:
            shown[at] = _shorter(shown[at])
    return _text(head, shown, foot)


def escaped(text: str, limit: int) -> str:
    """Text as Markdown that shows it, at most `limit` characters of Markdown."""
    size, shown = limit, escape(capped(text, limit))
    while len(shown) > limit and size > 1:
        size = size * limit // len(shown)
        shown = escape(capped(text, max(size, 1)))
    return shown


def joined(first: str, parts: Sequence[str], limit: int, between: str = "; ") -> str:
    """`first` with as many of the parts, all Markdown, as fit; the first part is there always."""
    line = first
    for at, part in enumerate(parts):
        longer = f"{line}{between if at else ''}{part}"
        if at and len(longer) > limit:
            break
        line = longer
    return line


def _shorter(block: Block) -> Block:
    return replace(block, lines=block.lines[:-1], more=block.more + 1)


def _text(head: str, blocks: Sequence[Block], foot: str) -> str:
    parts = [head, *map(_block, blocks), foot]
    return "\n\n".join(part for part in parts if part)


def _block(block: Block) -> str:
    if not block.lines:
        told = texts().blocks["no_lines"].format(count=block.more)
        return f"{block.title.rstrip(':')}: {told}"
    lines = [f"- {line}" for line in block.lines]
    if block.more:
        lines.append(f"- {texts().blocks['more'].format(count=block.more)}")
    return "\n".join([block.title, "", *lines])
