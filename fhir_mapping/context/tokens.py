"""Text cut into words and marks, each with the key by which cues know it."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["NUMBER", "YEAR", "Token", "keys_of", "lowered", "tokens"]

NUMBER, YEAR = "#", "####"
_MARKS = r"\(\s?[-\u2013\u2212+]\s?\)|(?<![^\s,;(/])[-\u2212+](?=[^\W\d_])"
_TOKEN = re.compile(rf"{_MARKS}|\d+(?:[.,]\d+)*|[^\W\d_]\w*(?:'[tsm]\b)?|[^\w\s]|_|\n")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SIGNS = {"-": "-@", "\u2212": "-@", "+": "+@"}
_BRACKETED = re.compile(r"\(\s?([-\u2013\u2212+])\s?\)")


class Token(NamedTuple):
    """`key` is what cues match: lower case, numbers and signs made alike."""

    start: int
    end: int
    key: str


def lowered(text: str) -> str:
    """The text in lower case and with plain apostrophes, of the same length, so offsets hold."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return low.replace("\u2019", "'")


def tokens(low: str, numbers: frozenset[str]) -> list[Token]:
    """The tokens of a lowered text; `numbers` are the words that count as numbers."""
    found = []
    for match in _TOKEN.finditer(low):
        word, (start, end) = match[0], match.span()
        plain = word[0].isalpha() and word not in numbers
        found.append(Token(start, end, word if plain else _key(word, low, end, numbers)))
    return found


def _key(word: str, low: str, end: int, numbers: frozenset[str]) -> str:
    first = word[0]
    if first.isdigit():
        return YEAR if _YEAR.fullmatch(word) else NUMBER
    if word in numbers:
        return NUMBER
    if first == "(" and len(word) > 1:
        return "(+)" if "+" in word else "(-)"
    if first in _SIGNS and low[end : end + 1].isalpha():
        before = low[end - 2] if end > 1 else " "
        if before.isspace() or before in ",;(/":
            return _SIGNS[first]
    return word


def keys_of(phrase: str, numbers: frozenset[str]) -> tuple[str, ...]:
    """The keys of a phrase as the table writes it."""
    found: list[str] = []
    for part in phrase.split():
        if part in (NUMBER, YEAR):
            found.append(part)
        else:
            found += (token.key for token in tokens(part, numbers))
    return tuple(found)
