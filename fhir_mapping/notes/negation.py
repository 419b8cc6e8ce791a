"""Findings that a sentence of a note denies, by the names of `tables/findings.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from fhir_mapping.context import Context, Reading, denial_ends
from fhir_mapping.tables import table

__all__ = ["denied"]

_LONGEST = 40
"""How many characters before a finding the word before it is looked for."""
_BEHIND = re.compile(r"[ \t]+(\w+)")
_SLASHED = re.compile(r"(?<![\w/])[a-z]{1,3}(?:/[a-z]{1,3})+(?![\w/])")
_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[a-z]+")


def denied(sentence: str) -> Iterator[str]:
    """The names of the findings that the patient is said not to have now, each once.

    What is denied of a part of the body, or of a kind, is told by no more general name.
    """
    reading = Reading(sentence)
    if reading.denies_any:
        found = [*_named(reading), *(_in_slashes(reading) if "/" in sentence else ())]
    else:
        found = []
    found += _denying(reading)
    yield from dict.fromkeys(found)


def _named(reading: Reading) -> Iterator[str]:
    low, last = reading.lower, -1
    for match in _findings().finditer(low):
        follows_another = last >= 0 and not low[last : match.start()].strip()
        last = match.end()
        if not reading.at(match.start(1)).is_denied:
            continue
        is_at_large = follows_another or _is_at_large_before(low, match.start())
        if is_at_large and _is_at_large_behind(low, match.end()):
            yield _names()[_singular(match[1])]


def _is_at_large_before(low: str, start: int) -> bool:
    """Whether no word right before a finding narrows it."""
    if not start or not low[start - 1].isspace():
        return True  # nothing, or a sign
    words = low[max(start - _LONGEST, 0) : start].split()
    if not words or not words[-1][-1].isalnum():
        return True  # a separator
    return words[-1] in _neutral() or "/" in words[-1]


def _is_at_large_behind(low: str, end: int) -> bool:
    """Whether no words right behind a finding narrow it."""
    match = _BEHIND.match(low, end)
    if match is None or match[1] not in _narrowing():
        return True
    said = re.sub(r"\d+", "#", low[match.start(1) :])
    return said.startswith(_at_large())


def _in_slashes(reading: Reading) -> Iterator[str]:
    """The findings of lists of letters ("f/c/s", "n/v/d/c")."""
    letters = table("findings")["slashed"]
    for match in _SLASHED.finditer(reading.lower):
        parts = match[0].split("/")
        if all(part in letters for part in parts):
            for place in _LETTER.finditer(match[0]):
                if reading.at(match.start() + place.start()).is_denied:
                    is_stool = place[0] == "c" and "d" in parts and "f" not in parts
                    yield "Constipation" if is_stool else letters[place[0]]


def _denying(reading: Reading) -> Iterator[str]:
    """Findings that are denied by a word of their own ("afebrile")."""
    words, low = table("findings")["by_word"], reading.lower
    for word in words:
        if word in low:
            for match in _WORD.finditer(low):
                if match[0] == word and reading.at(match.start()) == Context():
                    yield words[word]


@cache
def _neutral() -> frozenset[str]:
    return frozenset(table("findings")["local"]["neutral"]) | denial_ends()


@cache
def _narrowing() -> frozenset[str]:
    return frozenset(table("findings")["local"]["narrowing"])


@cache
def _at_large() -> tuple[str, ...]:
    return tuple(table("findings")["local"]["at_large"])


@cache
def _names() -> dict[str, str]:
    return {
        _singular(words.lower()): row[0] for row in table("findings")["findings"] for words in row
    }


@cache
def _findings() -> re.Pattern[str]:
    longest_first = sorted(_names(), key=len, reverse=True)
    choices = "|".join(r"\s+".join(map(re.escape, name.split())) for name in longest_first)
    return re.compile(rf"(?<![\w-])((?:{choices})s?)(?![\w-])")


def _singular(words: str) -> str:
    plain = " ".join(words.split())
    return plain[:-1] if plain.endswith("s") and not plain.endswith("ss") else plain
