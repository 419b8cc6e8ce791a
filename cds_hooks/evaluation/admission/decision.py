"""Results checked against what a purpose asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from cds_hooks.admission.manifest import Manifest
from cds_hooks.admission.record import AdmissionRecord, Purpose, Reached, Requirement
from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.admission.acceptance import FigureBound, acceptance
from cds_hooks.evaluation.admission.improvement import BETTER, Improvement
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, proportion
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.summary import RunSummary, summarise

__all__ = ["decide"]

_DIGITS = 6


def decide(
    manifest: Manifest,
    results: Sequence[CaseResult],
    *,
    purpose: Purpose,
    who: str,
    now: datetime,
    better: Improvement | None = None,
) -> AdmissionRecord:
    """Check the results against what the purpose asks for, and a tuned model against its base.

    A demonstration model is never admitted for anything else, whatever it reaches.
    """
    figures = _figures(summarise(results))
    limits = acceptance().require[purpose]
    requirements = tuple(_requirement(name, limit, figures[name]) for name, limit in limits.items())
    if better is not None:
        figures[BETTER], asked = better
        requirements += (asked,)
    only_shows = manifest.demonstration and purpose is not Purpose.DEMONSTRATION
    return AdmissionRecord(
        purpose=purpose,
        admitted=all(r.met for r in requirements) and not only_shows,
        demonstration=manifest.demonstration,
        manifest=manifest,
        figures={name: _reached(figure) for name, figure in figures.items()},
        requirements=requirements,
        date=now.date().isoformat(),
        who=who,
    )


def _figures(summary: RunSummary) -> dict[str, Figure]:
    by_rule = {a.match: a for a in summary.accuracy}
    verdicts = {v.verdict: v for v in summary.listed.verdicts}
    contradicted = verdicts[Verdict.CONTRADICTED]
    return {
        "answered": summary.answered,
        "samples_failed": summary.samples_failed,
        "unrecognised": summary.listed.unrecognised,
        "contradicted": _share_of(contradicted.right + contradicted.wrong, summary),
        "top1": by_rule[MatchRule.ANCESTOR].top1,
        "top5": by_rule[MatchRule.ANCESTOR].top5,
        "seconds": summary.costs[0].median,
    }


def _share_of(count: int, summary: RunSummary) -> Figure:
    return proportion(count, summary.listed.unrecognised.n)


def _requirement(name: str, limit: FigureBound, figure: Figure) -> Requirement:
    return Requirement(figure=name, bound=limit.text, why=limit.why, met=limit.met(figure.value))


def _reached(figure: Figure) -> Reached:
    """Rounded, so that the record reads the same wherever it is read."""
    value, low, high = (_rounded(v) for v in (figure.value, figure.low, figure.high))
    return Reached(value=value, n=figure.n, low=low, high=high)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DIGITS)
