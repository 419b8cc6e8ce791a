"""Whether a result lies where a rule asks: below or above a number, or as its flag says."""

from __future__ import annotations

from cds_hooks.plausibility.chart.results_by_analyte import told_values
from cds_hooks.plausibility.rules.diagnosis_rules import ResultRule
from fhir_mapping.chart import Fact, Flag

__all__ = ["agrees"]


def agrees(rule: ResultRule, fact: Fact) -> bool | None:
    """Whether a result lies where the rule asks; None when it cannot be told.

    Of a series told in one line every value counts: one that lies there is enough.
    """
    if rule.needs:
        return _flagged(rule.needs, fact)
    if rule.unit and fact.unit != rule.unit:
        return None
    values = told_values(fact)
    if not values:
        return None
    if rule.below is not None:
        return min(values) < rule.below
    if rule.at_most is not None:
        return min(values) <= rule.at_most
    if rule.at_least is not None:
        return max(values) >= rule.at_least
    return max(values) > rule.above if rule.above is not None else None


def _flagged(needs: str, fact: Fact) -> bool | None:
    if fact.flag is None or fact.flag is Flag.ABNORMAL:
        return None
    if fact.flag.is_low if needs == "low" else fact.flag.is_high:
        return True
    return _series_agrees(needs, fact)


def _series_agrees(needs: str, fact: Fact) -> bool | None:
    """A normal newest value says nothing of earlier ones without a range to compare them with."""
    values = told_values(fact)
    if len(values) < 2:
        return False
    limit = None if fact.range is None else fact.range.low if needs == "low" else fact.range.high
    if limit is None:
        return None
    return min(values) < limit if needs == "low" else max(values) > limit
