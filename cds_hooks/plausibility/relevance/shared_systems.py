"""Whether a fact and a disease are of the same organ system, where no known link tells more."""

from __future__ import annotations

from collections.abc import Sequence

from cds_hooks.plausibility.relevance import system_signs
from cds_hooks.plausibility.relevance.chart_signs import ChartSigns
from cds_hooks.plausibility.relevance.disease_knowledge import DiseaseKnowledge
from cds_hooks.plausibility.relevance.organ_systems import systems_of
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import Concept
from fhir_mapping.chart import Fact, Kind

__all__ = ["shared_systems"]

Systems = frozenset[str] | None
"""Ids of systems; None where nothing is known of a fact."""

_NOTHING: frozenset[str] = frozenset()
_ALLERGIC = frozenset({"immune", "skin", "respiratory"})
_RESULTS = frozenset({Kind.LAB, Kind.VITAL, Kind.OBSERVATION})
_NAMED = frozenset({Kind.COMPLAINT, Kind.OBSERVATION, Kind.PROBLEM})
_LONGEST_NAME = 60
_SYMPTOMS = "18"
"""The chapter of ICD-10-CM whose codes are symptoms and signs."""
_BY_WORDS = frozenset(Kind) - {Kind.LAB, Kind.VITAL, Kind.MEDICATION, Kind.NOTE}
"""A note denies and tells of others too: of it only the findings that it affirms are read."""


def shared_systems(
    fact: Fact, known: DiseaseKnowledge, told: ChartSigns, terminology: Terminology
) -> Systems:
    """The systems for which a fact speaks and to which the disease belongs; None when nothing is
    known of the fact. A sign may be of what a disease reaches beyond its own systems; another
    disease or a drug has to be of the same."""
    # The table lists which results bear on a disease, but not every word a symptom is told in.
    listed = known.in_table and system_signs.of_result(fact) is not None
    recorded = _recorded(fact, told)
    parts = [
        (None if recorded else _as_sign(fact, told), _NOTHING if listed else known.systems),
        (_as_disease(fact, told, terminology), _akin(recorded, known)),
        (system_signs.of_drug(fact.text) if fact.kind is Kind.MEDICATION else None, known.core),
    ]
    read = [mine & its for mine, its in parts if mine is not None]
    return frozenset().union(*read) if read else None


def _recorded(fact: Fact, told: ChartSigns) -> tuple[Concept, ...]:
    """The disease that a problem is; nothing of a symptom."""
    problem = told.problem(fact.id)
    if problem is None or any(c.chapter == _SYMPTOMS for c in problem.concepts):
        return ()
    return problem.concepts


def _akin(recorded: Sequence[Concept], known: DiseaseKnowledge) -> frozenset[str]:
    """The systems of the disease that another one may share. The table lists which recorded
    problems bear on a disease; of others only those of the same block of ICD-10-CM do."""
    if not known.in_table or not recorded:
        return known.core
    blocks = {c.block for c in known.concepts if c.block}
    return known.core if any(c.block in blocks for c in recorded) else _NOTHING


def _as_sign(fact: Fact, told: ChartSigns) -> Systems:
    if fact.kind is Kind.ALLERGY:
        return _ALLERGIC
    found = system_signs.of_result(fact)
    if found is None and fact.kind in _BY_WORDS and fact.value is None:
        found = system_signs.of_words(fact.text)
    if found is not None:
        return found
    by_finding = [system_signs.of_finding(f) for f in told.affirmed(fact.id)]
    return frozenset().union(*by_finding) or None


def _as_disease(fact: Fact, told: ChartSigns, terminology: Terminology) -> Systems:
    """The systems of what a problem is, or of the disease or symptom that a text names."""
    problem = told.problem(fact.id)
    if problem is not None and problem.concepts:
        return systems_of(problem.concepts, reaching=False) or None
    if fact.kind in _NAMED and len(fact.text) <= _LONGEST_NAME:
        named = terminology.lookup(fact.text)
        return systems_of(named.concepts, reaching=False) or None if named.exact else None
    return None
