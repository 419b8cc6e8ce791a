"""Which findings the facts of a chart tell, as the table of relevance asks for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Set
from functools import cache

from cds_hooks.plausibility.chart.finding_index import FindingIndex, findings
from cds_hooks.plausibility.chart.indexed_chart import RecordedProblem
from cds_hooks.plausibility.chart.results_by_analyte import RESULT_KINDS, analytes_of
from cds_hooks.plausibility.checks.evidence import is_about_another
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Fact, Flag, Kind, Polarity
from fhir_mapping.findings import vocabulary

__all__ = ["ChartSigns", "is_of_absence"]

_ABSENT, _NORMAL, _NEGATIVE = "absent-", "-normal", "-negative"
_DRUG, _PROBLEM = "drug:", "problem:"
_FRESH_DAYS = 7.0
"""A normal result older than this excludes nothing now: this service's own limit."""


def is_of_absence(finding: str) -> bool:
    """Whether a finding says that something is not so: not an "absent-pulse", which is a sign."""
    if finding in vocabulary():
        return False
    return finding.startswith(_ABSENT) or finding.endswith((_NORMAL, _NEGATIVE))


class ChartSigns:
    """Findings of one chart, by fact and by finding."""

    def __init__(self, finding_index: FindingIndex) -> None:
        self.indexed = finding_index.indexed
        self._finding_index = finding_index
        self._problems = {p.fact.id: p for p in finding_index.indexed.problems}

    def problem(self, fact_id: str) -> RecordedProblem | None:
        """The problem that a fact is, with what it was found to be."""
        return self._problems.get(fact_id)

    def affirmed(self, fact_id: str) -> Set[str]:
        """The findings that the words of a fact tell as so of the patient."""
        return self._finding_index.told.of_fact(fact_id).affirmed

    def of_fact(self, fact: Fact, wanted: Collection[str]) -> list[str]:
        """Those of the wanted findings that a fact tells."""
        told = self._told(fact)
        return [f for f in wanted if f in told or (":" in f and self._is(fact, f))]

    def facts(self, finding: str) -> Collection[str]:
        """The ids of the facts that tell a finding, a drug or a problem."""
        if finding in findings():
            return self._finding_index.facts(finding)
        if finding.startswith(_ABSENT):
            return self._finding_index.denied(finding.removeprefix(_ABSENT))
        if finding.endswith(_NORMAL):
            return self._normal(finding.removesuffix(_NORMAL))
        return [f.id for f in self.indexed.chart.facts if self._is(f, finding)]

    def _told(self, fact: Fact) -> Set[str]:
        told, denied = self._finding_index.of_fact(fact.id)
        found = {*told, *(f"{_ABSENT}{d}" for d in denied if not self._finding_index.facts(d))}
        if fact.kind in RESULT_KINDS and fact.flag is Flag.NORMAL:
            found.update(f"{analyte}{_NORMAL}" for analyte in analytes_of(fact))
        return found

    def _is(self, fact: Fact, finding: str) -> bool:
        """Whether a fact is the drug or the problem that is named."""
        if fact.kind is Kind.MEDICATION and finding.startswith(_DRUG):
            return fact.id in self.indexed.taken(_word(finding.removeprefix(_DRUG)))
        if fact.kind is Kind.PROBLEM and finding.startswith(_PROBLEM):
            problem = self.problem(fact.id)
            return problem is not None and _is_coded(problem, finding.removeprefix(_PROBLEM))
        return False

    def _normal(self, analyte: str) -> Collection[str]:
        """The newest result of an analyte when it is recent and normal."""
        found = self.indexed.results.of(analyte, _FRESH_DAYS)
        return (found[0].id,) if found and found[0].flag is Flag.NORMAL else ()


@cache
def _word(name: str) -> re.Pattern[str]:
    """A name at the beginning of a word, in lower case."""
    return re.compile(rf"(?<![a-z]){re.escape(name)}")


def _is_coded(problem: RecordedProblem, code: str) -> bool:
    """Whether a problem of the patient, past or present, has a code or one below it."""
    if problem.fact.polarity is not Polarity.PRESENT or is_about_another(problem.fact):
        return False
    codes = (*problem.codes, *(c.code for c in problem.concepts if c.system == ICD_10_CM))
    return any(c.startswith(code) for c in codes)
