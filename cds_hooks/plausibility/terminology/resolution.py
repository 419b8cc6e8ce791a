"""What came of looking a name up: values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosis
from fhir_mapping.chart import Code

__all__ = [
    "DISEASE_ONTOLOGY",
    "ICD_10_CM",
    "MESH",
    "MONDO",
    "Concept",
    "CodeOption",
    "Resolution",
    "MatchStatus",
]

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
MESH = "http://id.nlm.nih.gov/mesh"
DISEASE_ONTOLOGY = "http://purl.obolibrary.org/obo/doid.owl"
MONDO = "http://purl.obolibrary.org/obo/mondo.owl"


class MatchStatus(StrEnum):
    """How a name was found. `AMBIGUOUS` is an answer: several concepts bear the name."""

    EXACT = "exact"
    PARTIAL = "partial"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not-found"


@dataclass(frozen=True, slots=True)
class Concept:
    """A coded concept. ICD-10-CM ones have `parent`, `block` ("I26-I28") and `chapter` ("9");
    MeSH ones have tree numbers, and in `link` the ICD-10-CM code of the same name, if any."""

    system: str
    code: str
    display: str
    parent: str | None = None
    block: str = ""
    chapter: str = ""
    trees: tuple[str, ...] = ()
    link: str | None = None

    @property
    def category(self) -> str:
        """The three-character ICD-10-CM category, "" for MeSH."""
        return self.code[:3] if self.system == ICD_10_CM else ""

    def as_code(self) -> Code:
        """The concept as a FHIR coding."""
        return Code(self.system, self.code, self.display)


@dataclass(frozen=True, slots=True)
class CodeOption:
    """A code that a name has when the chart holds a problem whose code begins with `when`."""

    when: str
    concept: Concept


@dataclass(frozen=True, slots=True)
class Resolution:
    """A name looked up.

    `matched` is the terminology's own text; `stripped` are words taken away before it matched;
    `qualifiers` are words left over that go with such a disease (where it sits, what causes it,
    how it runs); `uncovered` are words left over that do not; `unknown` are words that occur in
    no term at all; `other` is what the name is if it is no diagnosis (a drug, a test).
    """

    name: str
    status: MatchStatus
    concepts: tuple[Concept, ...] = ()
    matched: str = ""
    stripped: tuple[str, ...] = ()
    qualifiers: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    other: NonDiagnosis | None = None
    options: tuple[CodeOption, ...] = ()

    @property
    def recognised(self) -> bool:
        """Every word of the name that carries meaning is accounted for."""
        return self.status is not MatchStatus.NOT_FOUND and not self.uncovered

    @property
    def longer(self) -> bool:
        """The name is only a part of what a longer term says."""
        nothing_left = not self.qualifiers and not self.uncovered
        return self.status is MatchStatus.PARTIAL and nothing_left and not self.stripped

    @property
    def exact(self) -> bool:
        """The concept is this very diagnosis, neither wider nor narrower nor one of several."""
        return self.status is MatchStatus.EXACT

    @property
    def codes(self) -> tuple[Code, ...]:
        """ICD-10-CM first, then MeSH, then the disease ontologies."""
        return tuple(c.as_code() for c in self.concepts)

    @property
    def categories(self) -> frozenset[str]:
        """The ICD-10-CM categories of its concepts, and of those among which the chart tells."""
        concepts = (*self.icd, *(o.concept for o in self.options))
        return frozenset(c.category for c in concepts)

    @property
    def icd(self) -> tuple[Concept, ...]:
        """The ICD-10-CM concepts."""
        return tuple(c for c in self.concepts if c.system == ICD_10_CM)
