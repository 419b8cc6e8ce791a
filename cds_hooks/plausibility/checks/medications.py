"""A diagnosis that a current drug can cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart_rules.medication_concerns import how_often, taken
from cds_hooks.plausibility.checks.check import ABSTAIN, Case
from cds_hooks.plausibility.rules.diagnosis_rules import concerning
from cds_hooks.plausibility.rules.drugs import drug_effects

__all__ = ["DrugMayCause"]


@dataclass(frozen=True, slots=True)
class DrugMayCause:
    """Information, not a judgement: a current drug can cause the diagnosis, or commonly does."""

    id: str = "drug-may-cause"
    source: str = "data/drugs.toml, each entry with its own"

    def __call__(self, case: Case) -> Iterator[Reason]:
        for effect in concerning(drug_effects, case.concepts):
            ids = taken(effect.drugs, case.record)
            if ids:
                text, source = how_often(effect, case.record)
                yield Reason(self.id, ABSTAIN, text, ids, source)
