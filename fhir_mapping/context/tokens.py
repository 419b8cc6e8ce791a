"""Text cut into words and marks, each with the key by which cues know it."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from fhir_mapping.tables import table

__all__ = ["NUMBER", "YEAR", "Token", "keys_of", "lowered", "tokens"]

NUMBER, YEAR = "#", "####"
_MARKS = r"\(\s?[-\u2013\u2212+]\s?\)|(?<![^\s,;(/])[-\u2212+](?=[^\W\d_])"
_TOKEN = re.compile(rf"{_MARKS}|\d+(?:[.,]\d+)*|[^\W\d_]\w*(?:'[tsm]\b)?|[^\w\s]|_|\n")
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SIGNS = {"-": "-@", "\u2212": "-@", "+": "+@"}


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
    if not low.isascii() and _is_east_asian(low):
        return [part for token in found for part in _parts(token)]
    return found


def _is_east_asian(low: str) -> bool:
    """Whether there is a Chinese, Japanese or Korean letter; Latin-1 is told apart at once."""
    try:
        low.encode("latin-1")
    except UnicodeEncodeError:
        return _EAST_ASIAN.search(low) is not None
    return False


def _parts(token: Token) -> list[Token]:
    """A run of Chinese or Japanese letters cut about the cues in it: words have no blanks there."""
    if not _EAST_ASIAN.match(token.key):
        return [token]
    word, found, at = token.key, [], 0
    for match in _cut_out().finditer(word):
        if match["cue"]:
            start, end = match.span()
            if start > at:
                found.append(Token(token.start + at, token.start + start, word[at:start]))
            found.append(Token(token.start + start, token.start + end, match[0]))
            at = end
    if at < len(word):
        found.append(Token(token.start + at, token.end, word[at:]))
    return found


@cache
def _cut_out() -> re.Pattern[str]:
    """Words that are left whole, and cues; the longest first."""
    words = table("context")["east_asian"]
    whole, cues = (
        "|".join(map(re.escape, sorted(words[name], key=len, reverse=True)))
        for name in ("whole", "cues")
    )
    first = "|".join(map(re.escape, words["first"]))
    return re.compile(rf"(?:{whole})|(?P<cue>{cues}|(?<!\w)(?:{first}))")


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
