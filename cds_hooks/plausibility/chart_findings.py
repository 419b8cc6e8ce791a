"""What rules find in a chart by itself: told at the first opening, whatever the model does."""

from __future__ import annotations

from cds_hooks.consultation import ChartFinding
from cds_hooks.plausibility.findings import FindingIndex
from cds_hooks.plausibility.indexed_chart import index_chart
from cds_hooks.plausibility.red_flags import found_in
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart

__all__ = ["chart_findings", "found_in"]


def chart_findings(chart: Chart, terminology: Terminology | None) -> tuple[ChartFinding, ...]:
    """One finding a diagnosis that the chart's findings fit, the most serious first.

    It says that findings fit a diagnosis, with the facts; it does not say that it is so.
    """
    return found_in(FindingIndex(index_chart(chart, terminology)))
