"""Wording of a chart or a model that could mislead: made visible as text, never obeyed.

What draws nothing, or draws over what is beside it, stands by its code point. Markup, addresses and
sentences that try to direct a model are marked; they are looked for in the text without what is not
seen, so that nothing hides within a word.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Piece", "SuspectWording", "pieces"]

# Default_Ignorable_Code_Point and other characters that draw nothing (Unicode UTS #39).
_BLANK = frozenset({
    *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000), *range(0x180B, 0x1810),
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC,
})  # fmt: skip
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# More marks than two on a letter draw over the lines around it (Unicode UTS #39, section 5.4).
_MOST_MARKS = 2
HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, and what is suspect in it: "" where nothing is, else a kind of wording."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class SuspectWording:
    """One kind of wording: a stable name, what it is called on pages, what matches it."""

    kind: str
    words: str
    pattern: re.Pattern[str]


@cache
def wordings() -> tuple[SuspectWording, ...]:
    """All kinds, as `suspect.toml` lists them."""
    text = (files(__package__) / "suspect.toml").read_text("utf-8")
    return tuple(
        SuspectWording(each["kind"], each["words"], re.compile(each["pattern"], re.IGNORECASE))
        for each in tomllib.loads(text)["wording"]
    )


@cache
def kinds() -> dict[str, str]:
    """What each kind is called on pages."""
    return {HIDDEN: "a character that is not seen", **{w.kind: w.words for w in wordings()}}


def pieces(text: str) -> tuple[Piece, ...]:
    """`text` in pieces: joined they are all of it, with hidden characters by their code points."""
    if text.isascii() and text.isprintable() and not _spans(text):
        return (Piece(text),)
    shown = [_shown(text, at) for at in range(len(text))]
    seen = [at for at, (_, hidden) in enumerate(shown) if not hidden]
    kind_at = [HIDDEN if hidden else "" for _, hidden in shown]
    for start, end, kind in _spans("".join(text[at] for at in seen)):
        for at in range(seen[start], seen[end - 1] + 1):
            kind_at[at] = kind_at[at] or kind
    return tuple(_joined([(word, kind) for (word, _), kind in zip(shown, kind_at, strict=True)]))


def _spans(text: str) -> list[tuple[int, int, str]]:
    return [(found.start(), found.end(), each.kind)
            for each in wordings() for found in each.pattern.finditer(text)]  # fmt: skip


def _shown(text: str, at: int) -> tuple[str, bool]:
    """A character as the page has it, and whether it is not seen by itself."""
    char = text[at]
    if char == "\n" or (" " <= char <= "~"):
        return char, False
    if unicodedata.category(char) in _UNSEEN or ord(char) in _BLANK or _is_stacked(text, at):
        name = unicodedata.name(char, "")
        return f"[U+{ord(char):04X}{' ' if name else ''}{name}]", True
    return char, False


def _is_stacked(text: str, at: int) -> bool:
    """Whether it is a mark on a letter that has as many before it as are drawn."""
    run = text[max(at - _MOST_MARKS, 0) : at + 1]
    return len(run) > _MOST_MARKS and all(unicodedata.combining(each) for each in run)


def _joined(characters: list[tuple[str, str]]) -> Iterator[Piece]:
    """Neighbours of one kind as one piece; each hidden character is one by itself."""
    run, kind = "", ""
    for word, its in characters:
        if run and (its != kind or kind == HIDDEN):
            yield Piece(run, kind)
            run = ""
        run, kind = run + word, its
    if run:
        yield Piece(run, kind)
