"""Rows of the table about kinds of a disease, or about what it is a kind of, by MeSH's tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cds_hooks.plausibility.relevance.sign_table import DiseaseSigns, diseases
from cds_hooks.plausibility.terminology.resolution import Concept

__all__ = ["Find", "kinds_of", "prepare", "wider_than"]

Find = Callable[[str], Concept | None]
"""MeSH descriptor -> its concept, with its places in the tree."""

_MOST_KINDS = 8
"""A heading with more kinds in the table is too wide to say what speaks for it: our own limit."""
_LEAST_DEPTH = 3
"""Headings nearer to the root ("Lung Diseases") say little of what is below: our own limit."""


@dataclass(frozen=True, slots=True)
class TreePlaces:
    """Place in the tree -> the rows whose heading stands there (`at`) or below it (`below`)."""

    at: Mapping[str, tuple[DiseaseSigns, ...]]
    below: Mapping[str, tuple[DiseaseSigns, ...]]


def kinds_of(concepts: Iterable[Concept], find: Find) -> tuple[DiseaseSigns, ...]:
    """The rows about kinds of any of the concepts; none of a heading that has many."""
    places = prepare(find)
    found = {id(r): r for c in concepts for t in c.trees for r in places.below.get(t, ())}
    return tuple(found.values()) if len(found) <= _MOST_KINDS else ()


def wider_than(concepts: Iterable[Concept], find: Find) -> tuple[DiseaseSigns, ...]:
    """The rows about the nearest heading of which any of the concepts is a kind."""
    places = prepare(find)
    above = {place for c in concepts for tree in c.trees for place in _above(tree)}
    for place in sorted(above & places.at.keys(), key=len, reverse=True):
        return places.at[place]
    return ()


@lru_cache(maxsize=4)
def prepare(find: Find) -> TreePlaces:
    """The rows by place, for one terminology."""
    at: dict[str, dict[int, DiseaseSigns]] = {}
    below: dict[str, dict[int, DiseaseSigns]] = {}
    for row in diseases():
        for tree in (t for heading in row.mesh for t in _trees(find(heading))):
            at.setdefault(tree, {})[id(row)] = row
            for place in _above(tree):
                below.setdefault(place, {})[id(row)] = row
    return TreePlaces(*({k: tuple(v.values()) for k, v in found.items()} for found in (at, below)))


def _above(tree: str) -> list[str]:
    """The places above one that are deep enough to say something."""
    parts = tree.split(".")
    return [".".join(parts[:n]) for n in range(_LEAST_DEPTH, len(parts))]


def _trees(concept: Concept | None) -> tuple[str, ...]:
    return () if concept is None else concept.trees
