"""Answers picked from a closed list: when two are the same, and what the list was.

The match rule of closed lists, as `MATCH_RULE` states it. Nothing is matched by likeness: an
answer that is not on its list is counted as such and stays wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["MATCH_RULE", "label_key", "split_options", "unmangle"]

MATCH_RULE = (
    "Same words in the same order: letter case, accents' encoding, kinds of dash and white space "
    "are folded, punctuation except hyphens is dropped; nothing else is."
)

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_PUNCTUATION = re.compile(r"[^\w\s-]")
_OPEN, _CLOSE = "([{", ")]}"


def unmangle(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252; text that was not comes back as it is."""
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


def label_key(text: str) -> str:
    """The same string for the same answer, by `MATCH_RULE`. Empty when nothing is left."""
    folded = unicodedata.normalize("NFKC", unmangle(text)).casefold()
    return " ".join(_PUNCTUATION.sub("", _DASHES.sub("-", folded)).split())


def split_options(text: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """The names in a list that was written with commas between them.

    A comma inside brackets, before a lower-case Latin letter, or inside a name of `known` does
    not separate: "Sturge-Weber syndrome, type 1" is one name.
    """
    pieces = [p for p in _pieces(text) if p]
    for name in known:
        pieces = _join_known(pieces, label_key(name))
    return tuple(pieces)


def _pieces(text: str) -> list[str]:
    pieces, depth = [""], 0
    for index, char in enumerate(text):
        depth = max(0, depth + (char in _OPEN) - (char in _CLOSE))
        if char == "," and depth == 0 and _separates(text[index + 1 :]):
            pieces.append("")
        else:
            pieces[-1] += char
    return [" ".join(p.split()) for p in pieces]


def _separates(rest: str) -> bool:
    first = rest.lstrip()[:1]
    # "IV,6" or "4,6" is one word; a list has a space after its comma.
    return rest[:1].isspace() and not (first.isascii() and first.islower())


def _join_known(pieces: list[str], wanted: str) -> list[str]:
    """Pieces that together are the wanted name made one; as they are when it needs no joining."""
    if not wanted or wanted in map(label_key, pieces):
        return pieces
    for start in range(len(pieces)):
        for end in range(start + 2, len(pieces) + 1):
            joined = ", ".join(pieces[start:end])
            if label_key(joined) == wanted:
                return [*pieces[:start], joined, *pieces[end:]]
    return pieces
