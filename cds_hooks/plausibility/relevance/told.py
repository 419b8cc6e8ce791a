"""Which findings the facts of a chart tell, as the table of relevance asks for them."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from cds_hooks.plausibility.checks.evidence import is_anothers
from cds_hooks.plausibility.findings import Seen, findings
from cds_hooks.plausibility.record import Problem
from cds_hooks.plausibility.resolution import ICD_10_CM
from cds_hooks.plausibility.results import analytes_of
from fhir_mapping.chart import Fact, Flag, Polarity
from fhir_mapping.findings import vocabulary

__all__ = ["Told", "is_of_absence"]

_ABSENT = "absent-"
_NORMAL = "-normal"
_ABSENCE = ("-normal", "-negative")
_FRESH_DAYS = 7.0
"""A normal result older than this excludes nothing now: this service's own limit."""


def is_of_absence(finding: str) -> bool:
    """Whether a finding says that something is not so: not an "absent-pulse", which is a sign."""
    if finding in vocabulary():
        return False
    return finding.startswith(_ABSENT) or finding.endswith(_ABSENCE)


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
        """The ids of the facts that tell a finding, a drug or a problem."""
        kind, _, name = finding.rpartition(":")
        if kind == "drug":
            return self.record.taken(_word(name))
        if kind == "problem":
            return tuple(i for i, p in self._problems.items() if _is_coded(p, name))
        if finding in findings():
            return self._seen.facts(finding)
        if finding.startswith(_ABSENT):
            return self._seen.denied(finding.removeprefix(_ABSENT))
        if finding.endswith(_NORMAL):
            return self._normal(finding.removesuffix(_NORMAL))
        return ()

    def affirmed(self, fact_id: str) -> Collection[str]:
        """The findings that the words of a fact tell as so of the patient."""
        return self._seen.told.of_fact(fact_id).affirmed

    def tells(self, fact: Fact, finding: str) -> bool:
        """Whether a fact tells a finding."""
        if finding.endswith(_NORMAL):
            return fact.flag is Flag.NORMAL and finding.removesuffix(_NORMAL) in analytes_of(fact)
        return fact.id in self.facts(finding)

    def _normal(self, analyte: str) -> Collection[str]:
        """The newest result of an analyte when it is recent and normal."""
        found = self.record.results.of(analyte, _FRESH_DAYS)
        return (found[0].id,) if found and found[0].flag is Flag.NORMAL else ()


@cache
def _word(name: str) -> re.Pattern[str]:
    """A name at the beginning of a word, in lower case."""
    return re.compile(rf"(?<![a-z]){re.escape(name)}")


def _is_coded(problem: Problem, code: str) -> bool:
    """Whether a problem of the patient, past or present, has a code or one below it."""
    if problem.fact.polarity is not Polarity.PRESENT or is_anothers(problem.fact):
        return False
    codes = (*problem.codes, *(c.code for c in problem.concepts if c.system == ICD_10_CM))
    return any(c.startswith(code) for c in codes)
