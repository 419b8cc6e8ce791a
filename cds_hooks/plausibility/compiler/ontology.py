"""Names that the Human Disease Ontology adds to what ICD-10-CM and MeSH call their own."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from cds_hooks.plausibility.compiler.link import term_key
from cds_hooks.plausibility.compiler.model import MeshConcept, Term
from cds_hooks.plausibility.ranks import INCLUSION, PREFERRED

__all__ = ["Addition", "additions", "extend"]


@dataclass(frozen=True, slots=True)
class Addition:
    """A term of the ontology with names that are new, and the MeSH heading it is, if any."""

    doid: str
    name: str
    mesh: str
    names: tuple[str, ...]


def additions() -> list[Addition]:
    """The shipped table `data/disease_ontology.csv`."""
    path = files("cds_hooks.plausibility").joinpath("data/disease_ontology.csv")
    lines = (line for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [
        Addition(r["doid"], r["name"], r["mesh"], _names(r["name"], r["synonyms"]))
        for r in csv.DictReader(lines)
    ]


def _names(name: str, synonyms: str) -> tuple[str, ...]:
    return (name, *(s for s in synonyms.split("|") if s))


def extend(
    mesh: Sequence[MeshConcept], added: Iterable[Addition], taken: Container[str]
) -> list[MeshConcept]:
    """Give each addition's names to the MeSH heading it is, else to a concept of its own; names
    whose key is `taken` by ICD-10-CM or MeSH stay theirs.

    The ontology's references to ICD-10-CM are not used: many point to a wider code.
    """
    headings = {c.code for c in mesh}
    extra: dict[str, list[Term]] = {}
    own: list[MeshConcept] = []
    for one in added:
        names = [n for n in one.names if term_key(n) not in taken]
        if one.mesh in headings:
            extra.setdefault(one.mesh, []).extend(Term(n, INCLUSION) for n in names)
        elif names:
            own.append(_own(one, names))
    return [*(replace(c, terms=(*c.terms, *extra.get(c.code, ()))) for c in mesh), *own]


def _own(one: Addition, names: Sequence[str]) -> MeshConcept:
    terms = (Term(n, PREFERRED if n == one.name else INCLUSION) for n in names)
    return MeshConcept(one.doid, one.name, (), tuple(terms), "doid")
