"""A differential held against the chart, diagnosis by diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

from cds_hooks.consultation import Assessment, Differential
from cds_hooks.plausibility.checks import CHECKS, Case, Check, combine
from cds_hooks.plausibility.medications import DrugMayCause
from cds_hooks.plausibility.merge import Merged, merge
from cds_hooks.plausibility.record import Record, record
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.verdicts import verdict
from fhir_mapping.chart import Chart

__all__ = ["assess"]


def assess(
    chart: Chart,
    differentials: Sequence[Differential],
    terminology: Terminology,
    *,
    checks: Sequence[Check] = (*CHECKS, DrugMayCause()),
) -> tuple[Assessment, ...]:
    """Candidates of all samples merged, looked up, checked and judged.

    Ordered by agreement, then by their place in the samples. Nothing is repaired or dropped:
    evidence that does not hold stays, with the reason that says so; every fact id in a reason
    is in the chart.
    """
    prepared = record(chart, terminology)
    return tuple(_one(m, prepared, terminology, checks) for m in merge(differentials, terminology))


def _one(
    merged: Merged, prepared: Record, terminology: Terminology, checks: Sequence[Check]
) -> Assessment:
    case = Case(
        name=merged.name,
        resolution=merged.resolution,
        identity=merged.identity,
        evidence_for=merged.evidence_for,
        evidence_against=merged.evidence_against,
        record=prepared,
        terminology=terminology,
    )
    reasons = combine(checks, case)
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
    )
