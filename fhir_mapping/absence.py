"""Codes and words by which a chart says that there is nothing: "no known allergies"."""

from __future__ import annotations

from functools import cache
from typing import Any

from fhir_mapping.concepts import code_set
from fhir_mapping.tables import table

__all__ = ["says_nothing_known"]


@cache
def _codes() -> frozenset[str]:
    return frozenset(table("absence")["nothing_known"]["codes"])


@cache
def _starts() -> tuple[str, ...]:
    return tuple(table("absence")["nothing_known"]["starts"])


def says_nothing_known(concept: Any, name: str) -> bool:
    """Whether a problem, allergy or medication entry says that none is known."""
    return name.lower().startswith(_starts()) or not _codes().isdisjoint(code_set(concept))
