"""Whether names are found as the RIGHT concept, by a list that was checked by hand."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.plausibility import Terminology

__all__ = ["Expected", "checked", "expected"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A name, and the ICD-10-CM categories of which one is right."""

    set: str
    name: str
    categories: frozenset[str]


def expected() -> list[Expected]:
    lines = Path(__file__).with_name("right_concepts.csv").read_text("utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [Expected(r["set"], r["name"], frozenset(r["categories"].split())) for r in rows]


def checked(one: Expected, terminology: Terminology) -> str:
    """`right`, `wrong` (a code of another category, stated as the diagnosis itself), `wider` (found
    as a kind of, or within, something of another category, which carries no code on a card),
    where the chart tells the code each that it chooses from counts,
    `uncoded` (found in MeSH or the Disease Ontology alone) or `not recognised`."""
    found = terminology.resolve(one.name)
    if not found.recognised:
        return "not recognised"
    categories = found.categories
    if not categories:
        return "uncoded"
    if categories & one.categories:
        return "right"
    return "wrong" if found.exact else "wider"


def counts(which: str, terminology: Terminology) -> Counter[str]:
    """How many of a set came out how."""
    return Counter(checked(e, terminology) for e in expected() if e.set == which)
