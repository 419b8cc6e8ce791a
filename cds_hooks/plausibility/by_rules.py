"""All that the rules say of a chart by itself, with the chart prepared once; no model is asked."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.consultation import ChartFinding, Reason
from cds_hooks.plausibility.chart_conflicts import clashes
from cds_hooks.plausibility.chart_findings import found_in
from cds_hooks.plausibility.findings import FindingIndex
from cds_hooks.plausibility.indexed_chart import index_chart
from cds_hooks.plausibility.medications import concerns
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart

__all__ = ["ByRules", "judge_chart"]


@dataclass(frozen=True, slots=True)
class ByRules:
    """What findings fit, the most serious first; what contradicts itself; what drugs may do."""

    chart_findings: tuple[ChartFinding, ...]
    contradictions: tuple[Reason, ...]
    medication_concerns: tuple[Reason, ...]


def judge_chart(chart: Chart, terminology: Terminology | None) -> ByRules:
    """What is told at the first opening of a chart, whatever the model does."""
    seen = FindingIndex(index_chart(chart, terminology))
    return ByRules(found_in(seen), clashes(seen.record), concerns(seen.record))
