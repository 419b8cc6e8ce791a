"""An earlier answer as of now: how old it is, and its facts as old as they are by now."""

from __future__ import annotations

from dataclasses import replace

from cds_hooks.consultation import Consultation
from prompts import ago

__all__ = ["age_of", "aged"]

_DAY_S, _HOUR_S = 86_400.0, 3600.0
_FRESH_S = 60.0
"""What is younger than this is told without its age, in seconds."""


def age_of(seconds: float, *, hours: bool = False) -> str:
    """ "40 min ago"; "" for what is fresh (with `hours`, for what is under an hour old)."""
    fresh = _HOUR_S if hours else _FRESH_S
    return ago(seconds / _DAY_S, fine=True) if seconds >= fresh else ""


def aged(done: Consultation, now: float) -> Consultation:
    """The same with every fact's age as of `now`, UTC seconds."""
    days = (now - done.created) / _DAY_S
    if days * _DAY_S < _FRESH_S:
        return done
    facts = tuple(
        fact if fact.days_ago is None else replace(fact, days_ago=fact.days_ago + days)
        for fact in done.chart.facts
    )
    return replace(done, chart=replace(done.chart, facts=facts))
