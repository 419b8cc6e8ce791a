"""Which findings the facts of a chart tell, as the table of relevance asks for them."""

from __future__ import annotations

from collections.abc import Collection

from cds_hooks.plausibility.findings import Seen, findings
from cds_hooks.plausibility.record import Problem
from cds_hooks.plausibility.results import analytes_of
from fhir_mapping.chart import Fact, Flag

__all__ = ["Told", "is_of_absence"]

_NORMAL = "-normal"
_ABSENCE = ("-normal", "-negative")
_FRESH_DAYS = 7.0
"""A normal result older than this excludes nothing now: this service's own limit."""


def is_of_absence(finding: str) -> bool:
    """Whether a finding says that something is not so."""
    return finding.startswith("absent-") or finding.endswith(_ABSENCE)


class Told:
    """Findings of one chart, by fact and by finding; each is looked for once."""

    def __init__(self, seen: Seen) -> None:
        self.record = seen.record
        self._seen = seen
        self._problems = {p.fact.id: p for p in seen.record.problems}

    def problem(self, fact_id: str) -> Problem | None:
        """The problem that a fact is, with what it was found to be."""
        return self._problems.get(fact_id)

    def facts(self, finding: str) -> Collection[str]:
        """The ids of the facts that tell a finding."""
        if finding in findings():
            return self._seen.facts(finding)
        if finding.endswith(_NORMAL):
            return self._normal(finding.removesuffix(_NORMAL))
        return ()

    def tells(self, fact: Fact, finding: str) -> bool:
        """Whether a fact tells a finding."""
        if finding.endswith(_NORMAL):
            return fact.flag is Flag.NORMAL and finding.removesuffix(_NORMAL) in analytes_of(fact)
        return fact.id in self.facts(finding)

    def _normal(self, analyte: str) -> Collection[str]:
        """The newest result of an analyte when it is recent and normal."""
        found = self.record.results.of(analyte, _FRESH_DAYS)
        return (found[0].id,) if found and found[0].flag is Flag.NORMAL else ()
