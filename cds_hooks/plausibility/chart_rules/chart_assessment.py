"""What the rules find in a chart by themselves, without a model."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.consultation import ChartFinding, Reason
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart_rules.contradictions import find_contradictions
from cds_hooks.plausibility.chart_rules.finding_patterns import chart_findings_in
from cds_hooks.plausibility.chart_rules.medication_concerns import find_medication_concerns
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart

__all__ = ["ChartAssessment", "assess_chart"]


@dataclass(frozen=True, slots=True)
class ChartAssessment:
    """Diagnoses that findings fit, the most serious first; contradictions between entries; and
    abnormal results that a drug can cause, with diseases that it conflicts with.

    A finding says that findings fit a diagnosis, not that the patient has it.
    """

    chart_findings: tuple[ChartFinding, ...]
    contradictions: tuple[Reason, ...]
    medication_concerns: tuple[Reason, ...]


def assess_chart(chart: Chart, terminology: Terminology | None) -> ChartAssessment:
    """What the card shows at the first opening of a chart, whatever the model does.

    Without a terminology only problems that carry ICD-10-CM codes or the same words are compared.
    """
    index = FindingIndex(index_chart(chart, terminology))
    return ChartAssessment(
        chart_findings=chart_findings_in(index),
        contradictions=find_contradictions(index.indexed),
        medication_concerns=find_medication_concerns(index.indexed),
    )
