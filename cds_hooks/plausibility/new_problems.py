"""A problem that a clinician just entered, checked against the chart by the rules alone."""

from __future__ import annotations

from collections.abc import Sequence

from cds_hooks.consultation import Assessment, Group
from cds_hooks.plausibility.chart.chart_dependent_codes import resolve_by_chart
from cds_hooks.plausibility.chart.indexed_chart import (
    OVER,
    IndexedChart,
    RecordedProblem,
    index_chart,
    recorded_problem,
)
from cds_hooks.plausibility.checks import Check, CheckedDiagnosis, all_reasons
from cds_hooks.plausibility.checks.demographics import RecordedAge, RecordedSex, UnusualAge
from cds_hooks.plausibility.checks.diagnosis_name import entered_name
from cds_hooks.plausibility.checks.medications import DrugMayCause
from cds_hooks.plausibility.checks.organs import AbsentOrgan
from cds_hooks.plausibility.checks.problem_list import (
    AlreadyRecorded,
    KnownChronicForm,
    RefutedInChart,
)
from cds_hooks.plausibility.checks.results import DefiningResult, ExpectedResult, NegativeTest
from cds_hooks.plausibility.checks.timing import Timing
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import MatchStatus, Resolution
from cds_hooks.plausibility.verdicts import verdict
from fhir_mapping.chart import Chart, Fact, Kind, Polarity

__all__ = ["assess_new_problems"]

_ALWAYS: tuple[Check, ...] = (
    RecordedSex(),
    RecordedAge(),
    UnusualAge(),
    AbsentOrgan(),
    RefutedInChart(),
    AlreadyRecorded(),
    KnownChronicForm(),
    Timing(),
    DrugMayCause(),
)
_OF_NOW: tuple[Check, ...] = (DefiningResult(), ExpectedResult(), NegativeTest())
_NOW_DAYS = 2.0
"""A problem that began longer ago is not checked against the results of today."""


def assess_new_problems(
    chart: Chart, entered: Sequence[Fact], terminology: Terminology
) -> tuple[Assessment, ...]:
    """One assessment a problem that is said to be so now; `entered` are facts of their own chart.

    What is entered as over, refuted or in a relative is not judged. A name in words alone that no
    terminology has, or that is a drug's or a test's, is told as such; otherwise a problem that no
    rule speaks of is `plausible`: nothing was found against it.
    """
    indexed = index_chart(chart, terminology)
    problems = (recorded_problem(f, terminology) for f in entered if f.kind is Kind.PROBLEM)
    return tuple(_assess(p, indexed, terminology) for p in problems if _is_so(p.fact))


def _is_so(fact: Fact) -> bool:
    return fact.polarity in (Polarity.PRESENT, Polarity.UNKNOWN) and fact.status not in OVER


def _assess(
    problem: RecordedProblem, indexed: IndexedChart, terminology: Terminology
) -> Assessment:
    fact = problem.fact
    name = next((c.display for c in fact.codes if c.display), fact.text)
    found = Resolution(name, MatchStatus.EXACT, problem.concepts, name)
    if not problem.concepts:
        found = resolve_by_chart(terminology.resolve(name), indexed)
    case = CheckedDiagnosis(name, found, problem.identity, (), (), indexed, terminology)
    began = fact.days_ago
    of_now = _OF_NOW if began is None or began <= _NOW_DAYS else ()
    told = entered_name(name, found, coded=bool(fact.codes))
    reasons = (*told, *all_reasons((*_ALWAYS, *of_now), case))
    return Assessment(
        name=name,
        group=Group.LIKELY,
        verdict=verdict(reasons, "entered"),
        codes=found.codes if found.exact else (),
        reasons=reasons,
    )
