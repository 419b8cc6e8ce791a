"""Codes and words by which a chart says that there is nothing: "no known allergies"."""

from __future__ import annotations

from functools import cache

from fhir_mapping.tables import table
from fhir_mapping.terms import Term

__all__ = ["says_nothing_known"]


@cache
def _codes() -> frozenset[str]:
    return frozenset(table("absence")["nothing_known"]["codes"])


@cache
def _starts() -> tuple[str, ...]:
    return tuple(table("absence")["nothing_known"]["starts"])


def says_nothing_known(term: Term) -> bool:
    """Whether a problem, allergy or medication entry says that none is known."""
    return term.name.lower().startswith(_starts()) or term.has_any(_codes())
