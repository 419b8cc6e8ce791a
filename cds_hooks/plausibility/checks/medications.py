"""A diagnosis that a current drug can cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart_rules.medication_concerns import how_often, taken
from cds_hooks.plausibility.checks.check import ABSTAIN, CheckedDiagnosis
from cds_hooks.plausibility.rules.diagnosis_rules import rules_about
from cds_hooks.plausibility.rules.drugs import drug_effects

__all__ = ["DrugMayCause"]


@dataclass(frozen=True, slots=True)
class DrugMayCause:
    """Information, not a judgement: a current drug can cause the diagnosis, or commonly does."""

    id: str = "drug-may-cause"
    source: str = "data/drugs.toml, each entry with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        for effect in rules_about(drug_effects, case.concepts):
            ids = taken(effect.drugs, case.indexed)
            if ids:
                text, source = how_often(effect, case.indexed)
                yield Reason(self.id, ABSTAIN, text, ids, source)
