"""A differential checked against the chart: each diagnosis, and the list as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Assessment, ChartFinding, Differential, Reason
from cds_hooks.plausibility.agreement.merged_candidates import MergedCandidate, merge_candidates
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart_rules.contradictions import find_contradictions
from cds_hooks.plausibility.chart_rules.finding_patterns import chart_findings_in
from cds_hooks.plausibility.chart_rules.medication_concerns import find_medication_concerns
from cds_hooks.plausibility.chart_rules.red_flags import find_red_flags
from cds_hooks.plausibility.checks import CHECKS, Check, CheckedDiagnosis, all_reasons
from cds_hooks.plausibility.checks.medications import DrugMayCause
from cds_hooks.plausibility.checks.timing import Timing
from cds_hooks.plausibility.checks.unexplained import UncitedFinding, unexplained_results
from cds_hooks.plausibility.relevance import DefinitionMet, EvidenceRelevant
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.verdicts import verdict
from fhir_mapping.chart import Chart

__all__ = ["ALL_CHECKS", "DifferentialAssessment", "assess_candidates", "assess_differentials"]

ALL_CHECKS: tuple[Check, ...] = (
    *CHECKS,
    EvidenceRelevant(),
    DefinitionMet(),
    Timing(),
    UncitedFinding(),
    DrugMayCause(),
)
"""Every policy that a diagnosis is checked against, in the order in which reasons are told."""


@dataclass(frozen=True, slots=True)
class DifferentialAssessment:
    """All that the rules say: of each diagnosis, of the list, and of the chart by itself."""

    assessments: tuple[Assessment, ...]
    red_flags: tuple[Reason, ...]
    unexplained: tuple[Reason, ...]
    medication_concerns: tuple[Reason, ...]
    contradictions: tuple[Reason, ...]
    chart_findings: tuple[ChartFinding, ...] = ()


def assess_differentials(
    chart: Chart, differentials: Sequence[Differential], terminology: Terminology
) -> DifferentialAssessment:
    """All that the rules say of a chart and a list, with the chart indexed once.

    Without differentials (the model did not answer) only the chart itself is judged: what nobody
    was asked for is not a red flag.
    """
    finding_index = FindingIndex(index_chart(chart, terminology))
    by_rules = chart_findings_in(finding_index)
    found = _assess(differentials, finding_index, by_rules, terminology)
    return DifferentialAssessment(
        assessments=found,
        red_flags=find_red_flags(finding_index, found, terminology) if differentials else (),
        unexplained=unexplained_results(finding_index.indexed, found, terminology),
        medication_concerns=find_medication_concerns(finding_index.indexed),
        contradictions=find_contradictions(finding_index.indexed),
        chart_findings=by_rules,
    )


def assess_candidates(
    chart: Chart,
    differentials: Sequence[Differential],
    terminology: Terminology,
) -> tuple[Assessment, ...]:
    """Candidates of all samples merged, looked up, checked and judged.

    Ordered by agreement, then by their place in the samples. Nothing is repaired or dropped:
    evidence that does not hold stays, with the reason that says so; every fact id in a reason
    is in the chart.
    """
    finding_index = FindingIndex(index_chart(chart, terminology))
    return _assess(differentials, finding_index, chart_findings_in(finding_index), terminology)


def _assess(
    differentials: Sequence[Differential],
    finding_index: FindingIndex,
    by_rules: Sequence[ChartFinding],
    terminology: Terminology,
) -> tuple[Assessment, ...]:
    merged = merge_candidates(differentials, terminology, finding_index.indexed)
    return tuple(_one(m, finding_index, by_rules, terminology) for m in merged)


def _one(
    merged: MergedCandidate,
    finding_index: FindingIndex,
    by_rules: Sequence[ChartFinding],
    terminology: Terminology,
) -> Assessment:
    case = CheckedDiagnosis(
        name=merged.name,
        resolution=merged.resolution,
        identity=merged.identity,
        evidence_for=merged.evidence_for,
        evidence_against=merged.evidence_against,
        indexed=finding_index.indexed,
        terminology=terminology,
        finding_index=finding_index,
        fitting=tuple(f for f in by_rules if _names(f, merged, terminology)),
    )
    reasons = all_reasons(ALL_CHECKS, case)
    log_probability, name_tokens = merged.likeliest
    return Assessment(
        name=merged.name,
        group=merged.group,
        verdict=verdict(reasons),
        codes=merged.resolution.codes if merged.resolution.exact else (),
        reasons=reasons,
        evidence_for=merged.evidence_for,
        evidence_against=merged.evidence_against,
        discriminator=merged.discriminator,
        agreement=merged.agreement,
        written_as=merged.written_as,
        model_share=merged.votes.models,
        related=merged.related,
        log_probability=log_probability,
        name_tokens=name_tokens,
    )


def _names(finding: ChartFinding, merged: MergedCandidate, terminology: Terminology) -> bool:
    """Whether a rule about the chart names this very diagnosis."""
    named = {c.code for c in terminology.resolve(finding.diagnosis).concepts}
    return bool(named) and not named.isdisjoint(c.code for c in merged.resolution.concepts)
