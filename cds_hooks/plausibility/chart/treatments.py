"""Treatments in a chart that may have brought a result to where it lies.

What a rule calls `treated_by` treats little else, and counts whenever it was given. Drugs that are
taken for other reasons too (`begun_for`: insulin lowers potassium, and is a diabetic's daily drug)
count only when begun within the last days.
"""

from __future__ import annotations

import re
from functools import cache

from cds_hooks.plausibility.chart.indexed_chart import IndexedChart
from cds_hooks.plausibility.rules.diagnosis_rules import ResultRule
from fhir_mapping.chart import Experiencer, Fact, Kind, Polarity

__all__ = ["treating"]

_TREATS = (Kind.MEDICATION, Kind.PROCEDURE, Kind.PROBLEM, Kind.DEVICE)
_BEGUN_DAYS = 3.0
"""This service's own limit: a treatment of these days may be for what is asked about."""
_SHORT = 5
_NOT_GIVEN = frozenset({"not-done", "cancelled", "draft", "entered-in-error"})


def treating(
    rule: ResultRule, indexed: IndexedChart, apart_from: Fact | None = None
) -> tuple[str, ...]:
    """The ids of facts that tell such a treatment; `apart_from` is the problem itself."""
    if not rule.treated_by and not rule.begun_for:
        return ()
    given = (f for f in indexed.of(*_TREATS) if f is not apart_from and _is_given(f))
    return tuple(f.id for f in given if _treats(rule, f))


def _is_given(fact: Fact) -> bool:
    is_so = fact.polarity is Polarity.PRESENT and fact.experiencer is Experiencer.PATIENT
    return is_so and fact.status not in _NOT_GIVEN


def _treats(rule: ResultRule, fact: Fact) -> bool:
    text = fact.text.lower()
    if rule.treated_by and _pattern(rule.treated_by).search(text):
        return True
    begun = fact.days_ago is not None and -1 <= fact.days_ago <= _BEGUN_DAYS
    return bool(rule.begun_for and begun and _pattern(rule.begun_for).search(text))


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Stems stand anywhere in a word ("cholecalciferol"); short words begin one ("iron")."""
    return re.compile(
        "|".join(rf"(?<![a-z]){re.escape(w)}" if len(w) <= _SHORT else re.escape(w) for w in words)
    )
