"""Abbreviations of findings. One with two meanings is read only where other words settle it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from fhir_mapping.findings.hit import FindingHit
from fhir_mapping.tables import table

__all__ = ["abbreviated"]


@dataclass(frozen=True, slots=True)
class _Abbreviation:
    findings: tuple[str, ...]
    unless: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


def abbreviated(text: str, words: Sequence[str]) -> Iterator[FindingHit]:
    """The abbreviated findings of a text, of which `words` are the words in lower case."""
    if _parts().isdisjoint(words):
        return
    told = frozenset(words)
    for match in _pattern().finditer(text):
        one = _table()[match[0]] if match[0] in _table() else _table()[match[0].lower()]
        if one.unless.isdisjoint(told) and (not one.needs or not one.needs.isdisjoint(told)):
            for name in one.findings:
                yield FindingHit(name, match.start(), match.end())


@cache
def _table() -> dict[str, _Abbreviation]:
    return {
        written: _Abbreviation(
            tuple(row["findings"]),
            frozenset(row.get("unless", ())),
            frozenset(row.get("needs", ())),
        )
        for row in table("finding_words/abbreviations")["abbreviations"]
        for written in row["written"]
    }


@cache
def _parts() -> frozenset[str]:
    return frozenset(p for written in _table() for p in re.findall(r"[^\W_]+", written.lower()))


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_table(), key=len, reverse=True)
    exact = "|".join(re.escape(w) for w in longest_first if w != w.lower())
    any_case = "|".join(re.escape(w) for w in longest_first if w == w.lower())
    return re.compile(rf"(?<![\w.])(?:{exact}|(?i:{any_case}))(?![\w])")
