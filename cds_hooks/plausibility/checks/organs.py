"""A diagnosis against organs that the chart says were removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, CheckedDiagnosis
from cds_hooks.plausibility.rules.diagnosis_rules import organ_rules, rules_about
from cds_hooks.plausibility.rules.removed_organs import is_removed
from fhir_mapping.chart import Kind

__all__ = ["AbsentOrgan"]


@dataclass(frozen=True, slots=True)
class AbsentOrgan:
    """Fails when the organ was removed; abstains when remnants are known to be affected."""

    id: str = "absent-organ"
    source: str = "data/rules/organs.toml, each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        known = rules_about(organ_rules, case.concepts)
        for rule in organ_rules():
            if rule not in known and not rule.is_named(case.name):
                continue
            facts = case.indexed.of(Kind.PROCEDURE, Kind.PROBLEM)
            ids = tuple(f.id for f in facts if is_removed(rule, f))
            if ids:
                result = FAIL if rule.contradicts else ABSTAIN
                yield Reason(self.id, result, rule.reason, ids, rule.source)
