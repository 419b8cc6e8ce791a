"""An earlier answer as of now: how old it is, and its facts as old as they are by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from cds_hooks.consultation import CheckedConsultation, PreparedConsultation
from fhir_mapping.chart import Fact
from prompts import ago

__all__ = ["age_in_words", "with_current_ages"]

_Stage = TypeVar("_Stage", bound=PreparedConsultation)
_DAY_S, _HOUR_S = 86_400.0, 3600.0
_FRESH_S = 60.0
"""What is younger than this is told without its age, in seconds."""


def age_in_words(seconds: float, *, hours: bool = False) -> str:
    """ "40 min ago"; "" for what is fresh (with `hours`, for what is under an hour old)."""
    fresh = _HOUR_S if hours else _FRESH_S
    return ago(seconds / _DAY_S, fine=True) if seconds >= fresh else ""


def with_current_ages(done: _Stage, now: float, *, told: bool = False) -> _Stage:
    """The same with every fact's age as of `now`, UTC seconds.

    With `told` the chart has no other facts than those that a card could tell: of a thousand
    they are some dozens.
    """
    days = (now - done.created) / _DAY_S
    days = 0.0 if days * _DAY_S < _FRESH_S else days
    ids = _ids(done) if told else None
    facts = tuple(_older(f, days) for f in done.chart.facts if ids is None or f.id in ids)
    return replace(done, chart=replace(done.chart, facts=facts))


def _older(fact: Fact, days: float) -> Fact:
    if not days or fact.days_ago is None:
        return fact
    return replace(fact, days_ago=fact.days_ago + days)


def _ids(done: PreparedConsultation) -> set[str]:
    """The facts that anything of a consultation names."""
    reasons = (*done.contradictions, *done.medication_concerns)
    found = {i for finding in done.chart_findings for i in finding.fact_ids}
    if not isinstance(done, CheckedConsultation):
        return found | {i for reason in reasons for i in reason.fact_ids}
    reasons = (*reasons, *done.red_flags, *done.unexplained)
    found |= {i for reason in reasons for i in reason.fact_ids}
    for assessment in done.assessments:
        cited = (*assessment.evidence_for, *assessment.evidence_against)
        found |= {evidence.fact_id for evidence in cited}
        found |= {i for r in assessment.reasons if r.result == "fail" for i in r.fact_ids}
    return found
