"""All that the rules say of a chart by itself, with the chart prepared once; no model is asked."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.consultation import ChartFinding, Reason
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart_rules.contradictions import clashes
from cds_hooks.plausibility.chart_rules.medication_concerns import concerns
from cds_hooks.plausibility.chart_rules.red_flags import found_in
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart

__all__ = ["ByRules", "chart_findings", "judge_chart"]


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


def chart_findings(chart: Chart, terminology: Terminology | None) -> tuple[ChartFinding, ...]:
    """One finding for each diagnosis that the chart's findings fit, the most serious first.

    It says that findings fit a diagnosis, with the facts; it does not say that the patient has it.
    """
    return found_in(FindingIndex(index_chart(chart, terminology)))
