"""Active problems of a chart against its own results and operations.

An entry is said not to fit only when nothing speaks for it: no result of the chart, however old,
lies where the definition asks, some lie elsewhere from when the problem was recorded to begin (or,
of a state that lasts, over long enough), and no treatment that may have put them right is there.
So a treated disease, and one that was measured elsewhere, are passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.indexed_chart import IndexedChart, RecordedProblem
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.treatments import treating
from cds_hooks.plausibility.rules.diagnosis_rules import (
    ResultRule,
    organ_rules,
    result_rules,
    rules_about,
)
from cds_hooks.plausibility.rules.removed_organs import is_removed
from fhir_mapping.chart import Fact, Kind

__all__ = ["after_removal", "results_and_problems"]

_AFTER_DAYS = 1.0
"""Later results may tell of a treatment; those of the same day tell of the problem."""
_TOLD = 3


def results_and_problems(indexed: IndexedChart) -> Iterator[Reason]:
    """Active problems whose definition no result of the chart meets."""
    for problem in indexed.problems:
        if problem.active and problem.concepts:
            for rule in rules_about(result_rules, problem.concepts):
                found = _elsewhere(rule, problem, indexed) if rule.contradicts else ()
                if found:
                    yield Reason(
                        "result-and-problem",
                        "fail",
                        f"recorded as active; the chart shows no such result: {rule.reason}",
                        (problem.fact.id, *(f.id for f in found[:_TOLD])),
                        rule.source,
                    )


def after_removal(indexed: IndexedChart) -> Iterator[Reason]:
    """Active problems that are recorded to begin after the organ they need was removed."""

    done = indexed.of(Kind.PROCEDURE, Kind.PROBLEM)
    for problem in indexed.problems:
        began = problem.fact.days_ago
        if not problem.active or began is None:
            continue
        for rule in rules_about(organ_rules, problem.concepts):
            before = [f for f in done if _before(f, began) and is_removed(rule, f)]
            if rule.contradicts and before:
                ids = (problem.fact.id, *(f.id for f in before[:_TOLD]))
                text = f"recorded to begin later than this: {rule.reason}"
                yield Reason("organ-and-problem", "fail", text, ids, rule.source)


def _before(fact: Fact, began: float) -> bool:
    return fact.days_ago is not None and fact.days_ago > began + _AFTER_DAYS


def _elsewhere(rule: ResultRule, problem: RecordedProblem, indexed: IndexedChart) -> Sequence[Fact]:
    """The results that lie elsewhere, newest first; none where anything is in doubt."""
    results = indexed.results.of(rule.analyte)
    if not results or any(agrees(rule, f) is not False for f in results):
        return ()
    dated = [f for f in results if f.days_ago is not None]
    found = _at_its_beginning(rule, problem.fact.days_ago, dated) or _lasting(
        rule, problem.fact.days_ago, dated
    )
    return () if found and treating(rule, indexed, problem.fact) else found


def _at_its_beginning(
    rule: ResultRule, began: float | None, dated: Sequence[Fact]
) -> Sequence[Fact]:
    if began is None:
        return ()
    first, last = began + rule.within_days, began - min(rule.within_days, _AFTER_DAYS)
    return [f for f in dated if f.days_ago is not None and last <= f.days_ago <= first]


def _lasting(rule: ResultRule, began: float | None, dated: Sequence[Fact]) -> Sequence[Fact]:
    ages = [f.days_ago for f in dated if f.days_ago is not None]
    if not rule.lasting_days or not ages:
        return ()
    newest, oldest = min(ages), max(ages)
    is_now = newest <= rule.within_days and (began is None or newest <= began)
    return dated if is_now and oldest - newest >= rule.lasting_days else ()
