"""Findings that a sentence of a note denies, by the names of `tables/findings.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from fhir_mapping.context import Reading
from fhir_mapping.tables import table

__all__ = ["denied"]


def denied(sentence: str) -> Iterator[str]:
    """The names of the findings that the patient is said not to have now, each once."""
    reading = Reading(sentence)
    if not reading.denies_any:
        return
    seen: set[str] = set()
    for match in _findings().finditer(reading.lower):
        name = _names()[_singular(match[1])]
        if name not in seen and reading.at(match.start(1)).is_denied:
            seen.add(name)
            yield name


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
