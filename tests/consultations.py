"""A consultation at another stage, for tests of what each outcome becomes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    Outcome,
    PreparedConsultation,
)

__all__ = ["with_outcome"]


def with_outcome(consultation: Consultation, outcome: Outcome, **changes: Any) -> Consultation:
    """The consultation with another outcome; without an answer it is a prepared one, which has
    none of the fields of an answer."""
    told = {each.name: getattr(consultation, each.name) for each in fields(consultation)}
    told |= changes
    if outcome not in (Outcome.PENDING, Outcome.REUSED):
        return CheckedConsultation(**{**told, "outcome": outcome})
    prepared = {each.name: told[each.name] for each in fields(PreparedConsultation)}
    return PreparedConsultation(**{**prepared, "reuses_last": outcome is Outcome.REUSED})
