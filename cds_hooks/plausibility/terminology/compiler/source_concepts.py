"""What the readers hand to the writer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IcdConcept", "MeshConcept", "SourceTerm"]


@dataclass(frozen=True, slots=True)
class SourceTerm:
    """A way to name a concept, with how directly the source says so."""

    text: str
    rank: int


@dataclass(frozen=True, slots=True)
class IcdConcept:
    """An ICD-10-CM code of the tabular list; `parent` is a code or None for a category."""

    code: str
    display: str
    parent: str | None
    block: str
    chapter: str
    terms: tuple[SourceTerm, ...]


@dataclass(frozen=True, slots=True)
class MeshConcept:
    """A MeSH descriptor of a disease with its tree numbers and entry terms; with `system` "doid"
    or "mondo" a term of one of these ontologies, which has no tree numbers."""

    code: str
    display: str
    trees: tuple[str, ...]
    terms: tuple[SourceTerm, ...]
    system: str = "mesh"
