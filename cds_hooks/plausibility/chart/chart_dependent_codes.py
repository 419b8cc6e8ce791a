"""The code of a name that depends on the chart: the type of diabetes, of heart failure, of asthma.

A code that says more than the name is given only where the problem list or the recorded sex says
so.
"""

from __future__ import annotations

from dataclasses import replace

from cds_hooks.plausibility.chart.indexed_chart import IndexedChart, Problem
from cds_hooks.plausibility.rules.demographics import conflicts
from cds_hooks.plausibility.terminology.resolution import (
    ICD_10_CM,
    Concept,
    Option,
    Resolution,
    Status,
)
from fhir_mapping.chart import PatientFacts

__all__ = ["charted_by"]


def charted_by(found: Resolution, record: IndexedChart | None) -> Resolution:
    """The name with the one code that active recorded problems choose for it, or that is left for
    the recorded sex; as it was where they leave none, or more than one."""
    if record is None or not found.options:
        return found
    fitting = [o for o in found.options if not _of_other_sex(o, record.chart.patient)]
    codes = {c for p in record.problems if p.active for c in _codes(p)}
    chosen = {o.concept for o in fitting if any(c.startswith(o.when) for c in codes)}
    if not chosen and len(fitting) < len(found.options):
        chosen = {o.concept for o in fitting}
    if len(chosen) != 1:
        return found
    others = (c for c in found.concepts if c.system != ICD_10_CM)
    return replace(found, status=Status.EXACT, concepts=(*chosen, *others), options=())


def _of_other_sex(option: Option, patient: PatientFacts) -> bool:
    said = conflicts(option.concept.code, patient)
    return any(category.sex and contradicts for category, contradicts in said)


def _codes(problem: Problem) -> frozenset[str]:
    """A problem's own codes, else those of its name."""
    return problem.codes or frozenset(map(_code, problem.concepts))


def _code(concept: Concept) -> str:
    return concept.code if concept.system == ICD_10_CM else ""
