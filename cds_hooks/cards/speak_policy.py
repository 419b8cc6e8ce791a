"""Whether a card is worth interrupting for (`services.speak`)."""

from __future__ import annotations

from typing import Literal

from cds_hooks.cards.rule_lines import drug_conflicts, patterns_alone
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome, Verdict
from cds_hooks.plausibility.rules.must_not_miss import must_not_miss

__all__ = ["Speak", "is_demonstration", "matters"]

Speak = Literal["always", "when-it-matters"]


def matters(done: Consultation) -> bool:
    """A rule fires, entries contradict each other, or a serious diagnosis is supported.

    A serious diagnosis is one of `plausibility/data/must_not_miss.toml`, whatever the model
    called it; what a demonstration model names never counts.
    """
    found = done.chart_findings or patterns_alone(done)
    return bool(found or done.contradictions or drug_conflicts(done)) or _serious_supported(done)


def is_demonstration(done: Consultation) -> bool:
    """Whether the model is one that shows the machinery and not medicine."""
    return done.model is not None and done.model.demonstration


def _serious_supported(done: Consultation) -> bool:
    if not isinstance(done, CheckedConsultation) or is_demonstration(done):
        return False
    return done.outcome is Outcome.ANSWERED and any(
        a.verdict is Verdict.SUPPORTED and must_not_miss(a.codes) is not None
        for a in done.assessments
    )
