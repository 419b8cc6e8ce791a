"""Results that make a diagnosis: where one is in the chart, citations decide nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.checks.check import PASS, CheckedDiagnosis
from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.relevance.table_files import (
    RelevanceError,
    read_table,
    refuse_unknown_keys,
)
from cds_hooks.plausibility.rules.diagnosis_rules import result_rules, rules_about

__all__ = ["DefinitionMet", "definitions", "load"]


@dataclass(frozen=True, slots=True)
class DefinitionMet:
    """Passes when a result that makes the diagnosis lies where its definition asks."""

    id: str = "definition-met"
    source: str = "data/systems/definitions.toml, and each rule with its own"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        for rule in rules_about(result_rules, case.concepts):
            if rule.id in definitions():
                found = case.indexed.results.of(rule.analyte, rule.within_days)
                met = next((f for f in found if agrees(rule, f)), None)
                if met is not None:
                    text = f"the chart has the result that defines it: {rule.reason}"
                    yield Reason(self.id, PASS, text, (met.id,), rule.source)
                    return


@cache
def definitions() -> Mapping[str, str]:
    """Ids of rules with the reason why their result makes the diagnosis. Raises RelevanceError."""
    file = data_file("systems", "definitions.toml")
    raw = read_table(file)
    refuse_unknown_keys(raw, ("version", "source", "looked_up", "rules"), file.name)
    if unknown := raw["rules"].keys() - {r.id for r in result_rules()}:
        raise RelevanceError("unknown rule", where=f"{file.name}: {min(unknown)}")
    found: dict[str, str] = raw["rules"]
    return found


def load() -> None:
    """Read the table of this module. Raises RelevanceError."""
    definitions()
