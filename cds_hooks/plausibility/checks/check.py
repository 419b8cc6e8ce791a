"""What a check is given and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from cds_hooks.consultation import ChartFinding, Evidence, Reason
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import Identity, IndexedChart
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import Concept, Resolution

__all__ = ["ABSTAIN", "FAIL", "PASS", "Case", "Check", "combine"]

PASS, FAIL, ABSTAIN = "pass", "fail", "abstain"
"""`fail` is what a clinician should see; `abstain` says that the check could not tell."""


@dataclass(frozen=True, slots=True)
class Case:
    """One merged candidate with its chart: all that a check may look at. `seen` is shared by all
    candidates of a chart; `fitting` are the rules about the chart that name this diagnosis."""

    name: str
    resolution: Resolution
    identity: Identity
    evidence_for: tuple[Evidence, ...]
    evidence_against: tuple[Evidence, ...]
    record: IndexedChart
    terminology: Terminology
    seen: FindingIndex | None = None
    fitting: tuple[ChartFinding, ...] = ()

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """What rules about a diagnosis may be checked against: the concept itself, or the one it is
        a kind of; not a term that merely holds its words, nor one of several."""
        sure = self.resolution.exact or bool(self.resolution.qualifiers)
        return self.resolution.concepts if sure else ()

    def known(self, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """The evidence whose fact is in the chart."""
        return tuple(e for e in evidence if e.fact_id in self.record.facts)


class Check(Protocol):
    """A policy: yields reasons and never raises. `source` says where its rule is published."""

    @property
    def id(self) -> str: ...

    @property
    def source(self) -> str: ...

    def __call__(self, case: Case) -> Iterator[Reason]: ...


def combine(checks: Iterable[Check], case: Case) -> tuple[Reason, ...]:
    """Every reason of every check, in the order of the checks."""
    return tuple(reason for check in checks for reason in check(case))
