"""Findings by code: symptoms coded in ICD-10 (chapter R and what is history) and SNOMED CT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from fhir_mapping.chart import Code
from fhir_mapping.tables import table

__all__ = ["coded", "denied_by_code"]

_SHORTEST = 3


def coded(codes: Sequence[Code]) -> tuple[str, ...]:
    """The findings that the codes of a fact are, each once."""
    if not codes:
        return ()
    found: dict[str, None] = {}
    for code in codes:
        if code.system in _snomed_systems():
            found.update(dict.fromkeys(_by_snomed().get(code.code, ())))
        elif code.system in _icd_systems():
            found.update(dict.fromkeys(_by_icd_prefix(code.code)))
    return tuple(found)


def denied_by_code(codes: Sequence[Code]) -> tuple[str, ...]:
    """The findings that a code says are not so: "never smoked tobacco"."""
    snomed = (c.code for c in codes if c.system in _snomed_systems())
    return tuple(dict.fromkeys(name for code in snomed for name in _denying().get(code, ())))


def _by_icd_prefix(code: str) -> tuple[str, ...]:
    """The findings of the longest part of a code that is listed: R07.89 has those of R07."""
    plain = code.strip().upper()
    for size in range(len(plain), _SHORTEST - 1, -1):
        found = _by_icd().get(plain[:size])
        if found is not None:
            return found
    return ()


@cache
def _snomed_systems() -> frozenset[str]:
    return frozenset(table("finding_words/codes")["systems"]["snomed"])


@cache
def _icd_systems() -> frozenset[str]:
    return frozenset(table("finding_words/codes")["systems"]["icd"])


@cache
def _by_snomed() -> Mapping[str, tuple[str, ...]]:
    return _inverted("snomed")


@cache
def _denying() -> Mapping[str, tuple[str, ...]]:
    return _inverted("denying_snomed")


@cache
def _by_icd() -> Mapping[str, tuple[str, ...]]:
    return _inverted("icd")


def _inverted(name: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for finding, codes in table("finding_words/codes")[name].items():
        for code in codes:
            found[code] = (*found.get(code, ()), finding)
    return found
