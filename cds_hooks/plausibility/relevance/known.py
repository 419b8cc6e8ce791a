"""What is known of a disease: its signs, and the organ systems to which it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.plausibility.checks.base import Case
from cds_hooks.plausibility.relevance import rare, table
from cds_hooks.plausibility.relevance.nearby import Find, kinds_of, wider_than
from cds_hooks.plausibility.relevance.systems import systems_of
from cds_hooks.plausibility.relevance.table import Disease, Sign
from cds_hooks.plausibility.resolution import Concept, Status

__all__ = ["Known", "known_of"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a disease: signs for and against by finding; its own systems (`core`), and
    with them those in which it shows signs; and whether the curated table has it (`in_table`)."""

    concepts: tuple[Concept, ...]
    signs_for: Mapping[str, Sign]
    signs_against: Mapping[str, Sign]
    core: frozenset[str]
    systems: frozenset[str]
    in_table: bool


def known_of(case: Case) -> Known:
    """What is known of the diagnosis of a case."""
    resolution = case.resolution
    sure = case.concepts or (resolution.concepts if resolution.status is Status.AMBIGUOUS else ())
    rows, listed = _rows(sure, case.terminology.concept)
    signs_for: dict[str, Sign] = {} if listed else dict(rare.signs_of(sure))
    signs_against: dict[str, Sign] = {}
    for row in rows:
        signs_for.update(row.signs_for)
        signs_against.update(row.signs_against)
    concepts = resolution.concepts if resolution.recognised else ()
    core, systems = (systems_of(concepts, reaching=r) for r in (False, True))
    return Known(sure, signs_for, signs_against, core, systems, listed)


def _rows(concepts: tuple[Concept, ...], find: Find) -> tuple[Sequence[Disease], bool]:
    """The rows about a disease, else about its kinds, else about what it is a kind of; and whether
    they list what bears on it."""
    near = table.of_concepts(concepts) or kinds_of(concepts, find)
    return (near, True) if near else (wider_than(concepts, find), False)
