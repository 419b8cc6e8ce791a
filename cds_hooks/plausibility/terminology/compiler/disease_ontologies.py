"""Names that disease ontologies add to what ICD-10-CM and MeSH call their own."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cds_hooks.plausibility.data_files import read_csv_rows
from cds_hooks.plausibility.terminology.compiler.mesh_icd_links import term_key
from cds_hooks.plausibility.terminology.compiler.source_concepts import MeshConcept, SourceTerm
from cds_hooks.plausibility.terminology.term_ranks import INCLUSION, PREFERRED

__all__ = ["Addition", "disease_ontology", "extend", "mondo"]


@dataclass(frozen=True, slots=True)
class Addition:
    """A term of an ontology with names that are new, and the MeSH heading it is, if any."""

    system: str
    id: str
    name: str
    mesh: str
    names: tuple[str, ...]


def disease_ontology() -> list[Addition]:
    """The shipped table `data/disease_ontology.csv`."""
    return _read("disease_ontology", "doid")


def mondo() -> list[Addition]:
    """The shipped table `data/mondo.csv`."""
    return _read("mondo", "mondo")


def _read(table: str, system: str) -> list[Addition]:
    return [
        Addition(system, r[system], r["name"], r["mesh"], _names(r["name"], r["synonyms"]))
        for r in read_csv_rows(f"{table}.csv")
    ]


def _names(name: str, synonyms: str) -> tuple[str, ...]:
    return (name, *(s for s in synonyms.split("|") if s))


def extend(
    concepts: Sequence[MeshConcept], added: Iterable[Addition], taken: Container[str]
) -> list[MeshConcept]:
    """Give each addition's names to the MeSH heading it is, or to the concept of its very name,
    else to a concept of its own; names whose key is `taken` stay whose they are.

    The ontologies' references to ICD-10-CM are not used: many point to a wider code.
    """
    headings = {c.code for c in concepts}
    named = {term_key(c.display): c.code for c in concepts}
    extra: dict[str, list[SourceTerm]] = {}
    own: list[MeshConcept] = []
    for one in added:
        names = [n for n in one.names if term_key(n) not in taken]
        owner = _owner(one, headings, named)
        if owner is not None:
            extra.setdefault(owner, []).extend(SourceTerm(n, INCLUSION) for n in names)
        elif names:
            own.append(_own(one, names))
    return [*(replace(c, terms=(*c.terms, *extra.get(c.code, ()))) for c in concepts), *own]


def _owner(one: Addition, headings: Container[str], named: Mapping[str, str]) -> str | None:
    return one.mesh if one.mesh in headings else named.get(term_key(one.name))


def _own(one: Addition, names: Sequence[str]) -> MeshConcept:
    terms = (SourceTerm(n, PREFERRED if n == one.name else INCLUSION) for n in names)
    return MeshConcept(one.id, one.name, (), tuple(terms), one.system)
