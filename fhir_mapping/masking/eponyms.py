"""Names of people and towns that name a disease, a sign, a device or a score."""

from __future__ import annotations

import re
from functools import cache

from fhir_mapping.tables import table

__all__ = ["is_eponym", "names_a_disease"]

_LINKED = r"(?:[ ]?[-–/][ ]?[A-ZÀ-Þ][^\W\d_]+){0,3}"
_POSSESSIVE = r"(?:['’]s|s['’]|['’])?"


def is_eponym(name: str) -> bool:
    """Whether a disease, a sign or the like is known by this name."""
    return name.casefold().removesuffix("'s") in _listed()


def names_a_disease(text: str, start: int, end: int) -> bool:
    """Whether the name at text[start:end] is part of the name of a disease, a sign or the like."""
    listed = is_eponym(text[start:end])
    if (_after_listed() if listed else _after_any()).match(text, end):
        return True
    if _before().search(text[max(0, start - 40) : start]):
        return True
    return listed and _POSSESSIVE_ALONE.match(text, end) is not None


_POSSESSIVE_ALONE = re.compile(r"['’]s(?=\s*(?:[.,;:)]|$|\n|and\b|or\b|with\b|for\b|since\b))")
"""“Known Parkinson's, on levodopa.”"""


@cache
def _listed() -> frozenset[str]:
    return frozenset(name.casefold() for name in table("eponyms")["names"])


def _heads(names: list[str]) -> str:
    latin = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n.isascii())
    other = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if not n.isascii())
    return rf"(?:(?:{latin})(?![^\W_])|(?:{other}))"


@cache
def _after_any() -> re.Pattern[str]:
    heads = _heads(table("eponyms")["heads"])
    return re.compile(rf"{_LINKED}{_POSSESSIVE}[\s-]{{0,2}}{heads}", re.IGNORECASE)


@cache
def _after_listed() -> re.Pattern[str]:
    eponyms = table("eponyms")
    heads = _heads([*eponyms["heads"], *eponyms["heads_of_listed"]])
    return re.compile(rf"{_LINKED}{_POSSESSIVE}[\s-]{{0,2}}{heads}", re.IGNORECASE)


@cache
def _before() -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted(table("eponyms")["before"], key=len, reverse=True)))
    return re.compile(
        rf"(?<![^\W_])(?:{words})[ -]?(?:[A-ZÀ-Þ][^\W\d_]+[-–]){{0,2}}$", re.IGNORECASE
    )
