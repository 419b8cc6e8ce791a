"""What the readers hand to the writer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DERIVED", "INCLUSION", "NOTE", "PREFERRED", "IcdConcept", "MeshConcept", "Term"]

PREFERRED, INCLUSION, DERIVED, NOTE = 0, 1, 2, 3
"""How directly a source says that a term names a concept; the lower rank wins."""


@dataclass(frozen=True, slots=True)
class Term:
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
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class MeshConcept:
    """A MeSH descriptor of a disease with its tree numbers and entry terms."""

    code: str
    display: str
    trees: tuple[str, ...]
    terms: tuple[Term, ...]

    @property
    def symptom(self) -> bool:
        """Every tree number lies in the branch of signs and symptoms."""
        return all(t.startswith("C23.888") for t in self.trees)
