"""The organ systems and classes to which a disease belongs, by its place in the trees."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.relevance.table_files import (
    RelevanceError,
    read_table,
    refuse_unknown_keys,
    text_list,
)
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept

__all__ = ["OrganSystem", "heading_of", "system_title", "systems", "systems_of"]

_LISTS = ("mesh", "icd", "ontology", "names", "not_mesh")
_NOT_THERE: tuple[tuple[str, ...], str] = ((), "")
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class OrganSystem:
    """A system with the places that stand for it: in MeSH's tree, in ICD-10-CM (codes, or ranges
    of codes), in the ontologies; and endings of words in the names of its diseases. `not_mesh` are
    places below the others that do not."""

    id: str
    title: str
    mesh: tuple[str, ...]
    icd: tuple[str, ...]
    ontology: tuple[str, ...]
    names: tuple[str, ...]
    not_mesh: tuple[str, ...]


_Span = tuple[str, str, frozenset[str]]
"""First and last code of a range, and the systems of what lies there."""


@cache
def systems() -> Mapping[str, OrganSystem]:
    """The systems of `data/systems/systems.toml`, by id. Raises RelevanceError."""
    return {s.id: s for s in map(_system, _table()["system"])}


def system_title(system: str) -> str:
    """How a card names a system."""
    return systems()[system].title


@cache
def _table() -> dict[str, Any]:
    file = data_file("systems", "systems.toml")
    raw = read_table(file)
    refuse_unknown_keys(raw, ("version", "source", "looked_up", "system", "reaching"), file.name)
    return raw


def _system(raw: dict[str, Any]) -> OrganSystem:
    where = f"systems.toml: {raw.get('id', '?')}"
    refuse_unknown_keys(raw, ("id", "title", *_LISTS), where)
    lists = {k: text_list(raw.get(k, []), where) for k in _LISTS}
    return OrganSystem(raw["id"], raw["title"], **lists)


def systems_of(concepts: Iterable[Concept], *, reaching: bool = True) -> frozenset[str]:
    """The ids of the systems of any of the concepts; empty where no tree tells. With `reaching`
    also those beyond its own places in the trees in which a disease shows signs."""
    of = _with_reach if reaching else _in_trees
    return frozenset().union(*map(of, concepts))


@lru_cache(maxsize=8192)
def _in_trees(concept: Concept) -> frozenset[str]:
    found = set(_by_ending(concept.display))
    if concept.system == ICD_10_CM:
        return frozenset(found.union(*_in_icd(concept.code, _icd_spans())))
    found.update(_in_ontologies().get(concept.code, _NOT_THERE)[0])
    for tree in concept.trees:
        found.update(_in_mesh(tree))
    if concept.link is not None:  # the code of the same name
        found.update(*_in_icd(concept.link, _icd_spans()))
    return frozenset(found)


@lru_cache(maxsize=8192)
def _with_reach(concept: Concept) -> frozenset[str]:
    code = concept.code if concept.system == ICD_10_CM else concept.link or ""
    beyond = _in_icd(code, _reaching_spans())
    return _in_trees(concept).union(_reaching_mesh().get(concept.code, ()), *beyond)


def _in_mesh(tree: str) -> Iterable[str]:
    places, parts = _mesh_places(), tree.split(".")
    above = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    told = {s for place in above for s in places.get(place, ())}
    return (s for s in told if not set(above).intersection(systems()[s].not_mesh))


def _in_icd(code: str, listed: Mapping[str, Sequence[_Span]]) -> Iterable[frozenset[str]]:
    spans = listed.get(code[:1], ())
    return [
        s for first, last, s in spans if first <= code[: len(first)] and code[: len(last)] <= last
    ]


def _by_ending(name: str) -> Iterable[str]:
    words = _WORD.findall(name.lower())
    return [s.id for s in systems().values() if s.names and any(w.endswith(s.names) for w in words)]


@cache
def _mesh_places() -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for system in systems().values():
        for place in system.mesh:
            found[place] = found.get(place, frozenset()) | {system.id}
    return found


@cache
def _icd_spans() -> Mapping[str, tuple[_Span, ...]]:
    """First letter -> the ranges that hold codes of this letter."""
    return _by_letter((place, frozenset({s.id})) for s in systems().values() for place in s.icd)


@cache
def _reaching_spans() -> Mapping[str, tuple[_Span, ...]]:
    return _by_letter((p, frozenset(row["systems"])) for row in _reaching() for p in row["icd"])


def _by_letter(listed: Iterable[tuple[str, frozenset[str]]]) -> Mapping[str, tuple[_Span, ...]]:
    found: dict[str, list[_Span]] = {}
    for place, wide in listed:
        first, _, last = place.partition("-")
        last = last or first
        for letter in range(ord(first[0]), ord(last[0]) + 1):
            found.setdefault(chr(letter), []).append((first, last, wide))
    return {letter: tuple(spans) for letter, spans in found.items()}


def _reaching() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _table()["reaching"]
    for row in rows:
        where = f"systems.toml: {row.get('name', '?')}"
        refuse_unknown_keys(
            row, ("name", "icd", "mesh", "systems", "reason", "source", "looked_up"), where
        )
        if unknown := set(row["systems"]) - systems().keys():
            raise RelevanceError("unknown system", where=f"{where}: {min(unknown)}")
    return rows


@cache
def _reaching_mesh() -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for row in _reaching():
        for code in row["mesh"]:
            found[code] = found.get(code, frozenset()) | frozenset(row["systems"])
    return found


def heading_of(concept: Concept) -> str:
    """The nearest MeSH heading that a term of an ontology is, or is a kind of; "" for none."""
    return _in_ontologies().get(concept.code, _NOT_THERE)[1]


@cache
def _in_ontologies() -> Mapping[str, tuple[tuple[str, ...], str]]:
    """Term of an ontology -> systems and MeSH heading, as compiled from the classes above it
    (`deploy/relevance_tables.py`)."""
    lines = data_file("systems", "ontologies.csv").read_text("utf-8").splitlines()
    rows = csv.reader(line for line in lines if not line.startswith("#"))
    same: dict[str, tuple[str, ...]] = {}
    return {
        code: (same.setdefault(found, tuple(found.split())), heading)
        for found, code, heading in rows
    }


def load() -> None:
    """Read the tables of this module. Raises RelevanceError."""
    for read_ in (_mesh_places, _icd_spans, _reaching_spans, _reaching_mesh, _in_ontologies):
        read_()
