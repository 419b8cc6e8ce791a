"""What a check is given and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cds_hooks.consultation import ChartFinding, Evidence, Reason
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, IndexedChart
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import Concept, Resolution

__all__ = ["ABSTAIN", "FAIL", "PASS", "CheckedDiagnosis", "Check", "all_reasons"]

PASS, FAIL, ABSTAIN = "pass", "fail", "abstain"
"""`fail` is what a clinician should see; `abstain` says that the check could not tell."""


@dataclass(frozen=True, slots=True)
class CheckedDiagnosis:
    """One merged candidate with its chart: all that a check may look at.

    All candidates of a chart share `finding_index`; `fitting` are the rules about the chart that
    name this diagnosis.
    """

    name: str
    resolution: Resolution
    identity: DiagnosisIdentity
    evidence_for: tuple[Evidence, ...]
    evidence_against: tuple[Evidence, ...]
    indexed: IndexedChart
    terminology: Terminology
    finding_index: FindingIndex | None = None
    fitting: tuple[ChartFinding, ...] = ()

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """What rules about a diagnosis may be checked against: the concept itself, or the one it is
        a kind of; not a term that merely holds its words, nor one of several."""
        sure = self.resolution.exact or bool(self.resolution.qualifiers)
        return self.resolution.concepts if sure else ()

    def known(self, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """The evidence whose fact is in the chart."""
        return tuple(e for e in evidence if e.fact_id in self.indexed.facts)


class Check(Protocol):
    """A policy: yields reasons and never raises. `source` says where its rule is published."""

    @property
    def id(self) -> str: ...

    @property
    def source(self) -> str: ...

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]: ...


def all_reasons(checks: Iterable[Check], case: CheckedDiagnosis) -> tuple[Reason, ...]:
    """Every reason of every check, in the order of the checks."""
    return tuple(reason for check in checks for reason in check(case))
