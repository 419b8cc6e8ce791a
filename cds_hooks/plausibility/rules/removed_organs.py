"""Whether a fact of a chart says that an organ was removed."""

from __future__ import annotations

import re
from functools import cache

from cds_hooks.plausibility.rules.diagnosis_rules import OrganRule
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Experiencer, Fact, Polarity
from fhir_mapping.context import affirms

__all__ = ["is_removed"]

_NOT_DONE = frozenset({"not-done", "cancelled", "entered-in-error", "preparation", "unknown"})


def is_removed(rule: OrganRule, fact: Fact) -> bool:
    """Whether a fact says that the rule's organ was removed."""
    if fact.polarity is not Polarity.PRESENT or fact.status in _NOT_DONE:
        return False
    if fact.experiencer is not Experiencer.PATIENT:
        return False
    if fact.days_ago is not None and fact.days_ago < rule.days_before:
        return False
    codes = (c.code for c in fact.codes if c.system == ICD_10_CM)
    if rule.recorded_as and any(c.startswith(rule.recorded_as) for c in codes):
        return True
    return affirms(_pattern(rule.words), fact.text)


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """The words, but not within another ("subtotal ...") and not after "partial"."""
    listed = "|".join(re.escape(w) for w in words)
    return re.compile(rf"(?<![a-z-])(?<!partial )(?:{listed})(?![a-z])")
