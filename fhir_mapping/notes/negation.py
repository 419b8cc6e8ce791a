"""Findings that a sentence denies, by the published ConText rules (`tables/context.toml`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from fhir_mapping.tables import table

__all__ = ["denied"]

_SPLIT = re.compile(r"[.;!?](?:\s|$)")
_NEVER = re.compile(r"(?!)")


def denied(sentence: str) -> Iterator[str]:
    """The names of the findings that the patient is said not to have now, each once."""
    seen: set[str] = set()
    for clause in _SPLIT.split(sentence.lower()):
        if not _before().search(clause) and not _after().search(clause):
            continue
        for match in _findings().finditer(clause):
            name = _names()[_singular(match[1])]
            if name not in seen and _is_denied(clause, match.start(1), match.end(1)):
                seen.add(name)
                yield name


def _is_denied(clause: str, start: int, end: int) -> bool:
    before = _reached(clause[:start], from_end=True)
    after = _reached(clause[end:], from_end=False)
    if _other("other_experiencer").search(clause) or _other("uncertain_before").search(before):
        return False
    if _other("past").search(before):
        return False
    return _negates_before(before) or _negates_after(after)


def _reached(text: str, *, from_end: bool) -> str:
    """The words in reach of a cue on this side, cut at the nearest terminator."""
    text = _pseudo().sub(" ", text)
    stops = list(_other("terminators").finditer(text))
    if stops:
        text = text[stops[-1].end() :] if from_end else text[: stops[0].start()]
    words = text.split()
    reach = int(table("context")["reach_words"])
    return " ".join(words[-reach:] if from_end else words[:reach])


def _negates_before(text: str) -> bool:
    return bool(_before().search(text))


def _negates_after(text: str) -> bool:
    match = _after().search(text)
    return match is not None and "," not in text[: match.start()]


def _any_of(phrases: list[str]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    choices = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])") if choices else _NEVER


@cache
def _before() -> re.Pattern[str]:
    return _any_of(table("context")["negated_before"]["cues"])


@cache
def _after() -> re.Pattern[str]:
    return _any_of(table("context")["negated_after"]["cues"])


@cache
def _pseudo() -> re.Pattern[str]:
    return _any_of(table("context")["pseudo"]["phrases"])


@cache
def _other(name: str) -> re.Pattern[str]:
    return _any_of(table("context")[name]["cues"])


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
