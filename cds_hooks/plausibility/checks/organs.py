"""A diagnosis against organs that the chart says were removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, Case
from cds_hooks.plausibility.rules.diagnosis_rules import OrganRule, concerning, organ_rules
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Experiencer, Fact, Kind, Polarity
from fhir_mapping.context import affirms

__all__ = ["AbsentOrgan", "removed"]

_NOT_DONE = frozenset({"not-done", "cancelled", "entered-in-error", "preparation", "unknown"})


@dataclass(frozen=True, slots=True)
class AbsentOrgan:
    """Fails when the organ was removed; abstains when remnants are known to be affected."""

    id: str = "absent-organ"
    source: str = "data/rules/organs.toml, each rule with its own"

    def __call__(self, case: Case) -> Iterator[Reason]:
        known = concerning(organ_rules, case.concepts)
        for rule in organ_rules():
            if rule not in known and not rule.is_named(case.name):
                continue
            facts = case.record.of(Kind.PROCEDURE, Kind.PROBLEM)
            ids = tuple(f.id for f in facts if removed(rule, f))
            if ids:
                result = FAIL if rule.contradicts else ABSTAIN
                yield Reason(self.id, result, rule.reason, ids, rule.source)


def removed(rule: OrganRule, fact: Fact) -> bool:
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
