"""Abnormal results that a current drug can cause, and recorded diseases it conflicts with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.indexed_chart import IndexedChart
from cds_hooks.plausibility.rules.drugs import (
    DrugConflict,
    DrugEffect,
    common_effects,
    drug_conflicts,
    drug_effects,
)
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept

__all__ = ["find_medication_concerns", "how_often", "taken"]

_FRESH_DAYS = 14


def find_medication_concerns(indexed: IndexedChart) -> tuple[Reason, ...]:
    """Abnormal results that a current drug can cause, and conflicts with recorded diseases.

    Every reason names the medication and the result or problem. Information: nothing is ordered.
    """
    return (*_results(indexed), *_conflicts(indexed))


def _results(indexed: IndexedChart) -> Iterator[Reason]:
    for effect in drug_effects():
        found = indexed.results.of(effect.analyte, _FRESH_DAYS) if effect.analyte else []
        if not found or not effect.speaks_of(found[0]):
            continue
        if drugs := taken(effect.drugs, indexed):
            often, source = how_often(effect, indexed)
            ids = (found[0].id, *drugs)
            text = f"{effect.id.replace('-', ' ')}: {often}"
            yield Reason("drug-and-result", "abstain", text, ids, source)


def how_often(effect: DrugEffect, indexed: IndexedChart) -> tuple[str, str]:
    """What is said of a drug that is taken, and by which source: "commonly" only where that was
    looked up for this very drug."""
    known = (c for c in common_effects() if c.effect == effect.id and taken(c.drugs, indexed))
    found = next(known, None)
    if found is None:
        return "a current medication can cause it", effect.source
    return "a current medication commonly causes it", found.source


def _conflicts(indexed: IndexedChart) -> Iterator[Reason]:
    for conflict in drug_conflicts():
        applies = conflict.speaks_of(indexed.chart.patient.age_years)
        drugs = taken(conflict.drugs, indexed) if applies else ()
        against = _against(conflict, indexed) if drugs else ()
        if against:
            ids = (*drugs, *against)
            yield Reason("drug-and-problem", "fail", conflict.reason, ids, conflict.source)


def _against(conflict: DrugConflict, indexed: IndexedChart) -> tuple[str, ...]:
    """Current problems and the newest result with which a drug conflicts."""
    found = [
        p.fact.id
        for p in indexed.problems
        if p.active and (conflict.concerns(p.concepts) or conflict.concerns(_coded(p.codes)))
    ]
    results = indexed.results.of(conflict.analyte, _FRESH_DAYS) if conflict.analyte else []
    if results and results[0].value is not None and results[0].value < conflict.below:
        found.append(results[0].id)
    return tuple(found)


def _coded(codes: frozenset[str]) -> list[Concept]:
    return [Concept(ICD_10_CM, code, "") for code in sorted(codes)]


def taken(drugs: tuple[str, ...], indexed: IndexedChart) -> tuple[str, ...]:
    """The ids of the current medications that are one of these drugs."""
    return indexed.taken(_pattern(drugs))


@cache
def _pattern(drugs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(re.escape(d) for d in drugs)})")
