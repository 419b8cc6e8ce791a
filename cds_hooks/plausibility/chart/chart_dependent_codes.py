"""The code of a name that depends on the chart: the type of diabetes, of heart failure, of asthma.

A code that says more than the name is given only where the problem list or the recorded sex says
so.
"""

from __future__ import annotations

from dataclasses import replace

from cds_hooks.plausibility.chart.indexed_chart import IndexedChart, RecordedProblem
from cds_hooks.plausibility.rules.demographics import conflicts
from cds_hooks.plausibility.terminology.resolution import (
    ICD_10_CM,
    CodeOption,
    Concept,
    MatchStatus,
    Resolution,
)
from fhir_mapping.chart import PatientFacts

__all__ = ["resolve_by_chart"]


def resolve_by_chart(found: Resolution, indexed: IndexedChart | None) -> Resolution:
    """The name with the one code that active recorded problems choose for it, or that is left for
    the recorded sex; as it was where they leave none, or more than one."""
    if indexed is None or not found.options:
        return found
    fitting = [o for o in found.options if not _of_other_sex(o, indexed.chart.patient)]
    codes = {c for p in indexed.problems if p.active for c in _codes(p)}
    chosen = {o.concept for o in fitting if any(c.startswith(o.when) for c in codes)}
    if not chosen and len(fitting) < len(found.options):
        chosen = {o.concept for o in fitting}
    if len(chosen) != 1:
        return found
    others = (c for c in found.concepts if c.system != ICD_10_CM)
    return replace(found, status=MatchStatus.EXACT, concepts=(*chosen, *others), options=())


def _of_other_sex(option: CodeOption, patient: PatientFacts) -> bool:
    said = conflicts(option.concept.code, patient)
    return any(category.sex and contradicts for category, contradicts in said)


def _codes(problem: RecordedProblem) -> frozenset[str]:
    """A problem's own codes, else those of its name."""
    return problem.codes or frozenset(map(_code, problem.concepts))


def _code(concept: Concept) -> str:
    return concept.code if concept.system == ICD_10_CM else ""
