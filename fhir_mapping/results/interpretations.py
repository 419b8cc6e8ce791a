"""Observation.interpretation: HL7's codes as flags and words, and what a laboratory adds in words.

A code means what HL7 says only under HL7's system, or without any system where no other meaning is
usual: "W" of a laboratory's own list is "wild type", not "worse". Other codes are told as words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.chart import Flag
from fhir_mapping.elements.concepts import codings
from fhir_mapping.elements.json_values import items, string
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.tables import table

__all__ = ["Interpretation", "read_interpretation"]

_MOST = 3
_SNOMED = "http://snomed.info/sct"


@dataclass(frozen=True, slots=True)
class Interpretation:
    """`flag` is the first that a code sets; `said` are words ("positive; speckled")."""

    flag: Flag | None = None
    said: str = ""


def read_interpretation(sent: Any, words: TextCleaner) -> Interpretation:
    """What the interpretations of a result say."""
    flag: Flag | None = None
    said: dict[str, None] = {}
    for concept in items(sent)[:_MOST]:
        codes = list(_codes(concept))
        flag = flag or next((_flags()[c] for c in codes if c in _flags()), None)
        for told in _words_of(concept, codes, words):
            said.setdefault(told)
    return Interpretation(flag, "; ".join(said))


def _codes(concept: Any) -> Iterator[str]:
    """The HL7 codes of an interpretation, in capitals."""
    if isinstance(concept, str):
        yield concept.strip().upper()
    known = table("observations")["interpretation_systems"]
    for coding in codings(concept):
        code, system = string(coding.get("code")).upper(), string(coding.get("system"))
        if system == _SNOMED and code in known["snomed"]:
            yield known["snomed"][code]
        if system in known["hl7"] or (not system and code in known["without_system"]):
            yield code


def _words_of(concept: Any, codes: list[str], words: TextCleaner) -> Iterator[str]:
    """The words of its codes, and of its text where that says more than a flag's name."""
    known = [_said()[code] for code in codes if code in _said()]
    text = words.typed(concept.get("text")) if isinstance(concept, dict) else ""
    if not codes and not text:
        displays = (words.coded(coding.get("display")) for coding in codings(concept))
        text = next(filter(None, displays), "")
    yield from known[:1]
    if text and text.casefold() not in _usual() and text.casefold() not in known:
        yield text


@cache
def _flags() -> dict[str, Flag]:
    return {code: Flag(flag) for code, flag in table("observations")["interpretation"].items()}


@cache
def _said() -> dict[str, str]:
    return dict(table("observations")["interpretation_said"])


@cache
def _usual() -> frozenset[str]:
    """Texts that say what a flag says."""
    own = {flag.value.replace("-", " ") for flag in Flag} | {code.casefold() for code in _flags()}
    return frozenset(own | set(table("observations")["interpretation_systems"]["usual_texts"]))
