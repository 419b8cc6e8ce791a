"""What is known of a disease: its signs, and the organ systems to which it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.relevance import hpo_signs, sign_table
from cds_hooks.plausibility.relevance.organ_systems import heading_of, systems_of
from cds_hooks.plausibility.relevance.related_diseases import Find, kinds_of, wider_than
from cds_hooks.plausibility.relevance.sign_table import DiseaseSigns, Sign
from cds_hooks.plausibility.terminology.resolution import Concept

__all__ = ["DiseaseKnowledge", "knowledge_of", "rows_of"]


@dataclass(frozen=True, slots=True)
class DiseaseKnowledge:
    """What is known of a disease: signs for and against by finding; its own systems (`core`), and
    with them those in which it shows signs; and whether the curated table has it (`in_table`)."""

    concepts: tuple[Concept, ...]
    signs_for: Mapping[str, Sign]
    signs_against: Mapping[str, Sign]
    core: frozenset[str]
    systems: frozenset[str]
    in_table: bool


def knowledge_of(case: CheckedDiagnosis) -> DiseaseKnowledge:
    """What is known of the diagnosis of a case."""
    resolution = case.resolution
    concepts = resolution.concepts if resolution.recognised else ()
    sure = case.concepts or concepts
    rows, listed = rows_of(sure, case.terminology.concept)
    signs_for: dict[str, Sign] = {} if listed else dict(hpo_signs.signs_of(sure))
    signs_against: dict[str, Sign] = {}
    for row in rows:
        signs_for.update(row.signs_for)
        signs_against.update(row.signs_against)
    core, systems = (systems_of(concepts, reaching=r) for r in (False, True))
    return DiseaseKnowledge(sure, signs_for, signs_against, core, systems, listed)


def rows_of(concepts: tuple[Concept, ...], find: Find) -> tuple[Sequence[DiseaseSigns], bool]:
    """The rows about a disease, else about its kinds, else about what it is a kind of; and whether
    they list what bears on it."""
    near = sign_table.of_concepts(concepts) or kinds_of(concepts, find)
    if near:
        return near, True
    named = (find(heading_of(c)) for c in concepts if heading_of(c))
    headings = tuple(h for h in named if h is not None)
    return sign_table.of_concepts(headings) or wider_than((*concepts, *headings), find), False
