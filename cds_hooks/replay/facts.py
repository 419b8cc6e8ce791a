"""A recorded chart with one fact after another made what it is today. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cds_hooks.comparison import FactDifference
from cds_hooks.comparison.facts import fact_differences
from cds_hooks.replay.changes import Change
from fhir_mapping.chart import Chart

__all__ = ["exchanged"]

# Past these the rest is exchanged at once.
_SINGLY = 40


def exchanged(before: Chart, after: Chart) -> Iterator[tuple[tuple[Change, ...], Chart]]:
    """What was exchanged, and the chart with it and all before it.

    The numbers of facts stay those of `before`, so that what a model cited is still cited.
    """
    chart, differences = before, fact_differences(before, after)
    for number, each in enumerate(differences[:_SINGLY], 1):
        chart = _with(chart, each, number)
        yield (_change(each),), chart
    rest = differences[_SINGLY:]
    for number, each in enumerate(rest, _SINGLY + 1):
        chart = _with(chart, each, number)
    if rest:
        yield tuple(map(_change, rest)), chart
    if before.patient != after.patient:
        told = ("age and sex", *(f"{c.patient.age_text}, {c.patient.recorded_sex or 'unknown'}"
                                 for c in (before, after)))  # fmt: skip
        yield (Change("fact", *told),), replace(chart, patient=after.patient)


def _change(each: FactDifference) -> Change:
    before, after = each.before, each.after
    named = (before or each.fact).id if before else f"{each.fact.id} of today"
    return Change(
        "fact", f"{each.change} {named}", before.text if before else "", after.text if after else ""
    )


def _with(chart: Chart, each: FactDifference, number: int) -> Chart:
    """The chart with one difference; an added fact gets a number that no prompt showed."""
    before, after = each.before, each.after
    if before is None:
        new = replace(each.fact, id=f"new-{number}")
        return replace(chart, facts=(*chart.facts, new))
    facts = []
    for fact in chart.facts:
        if fact.id != before.id:
            facts.append(fact)
        elif after is not None:
            facts.append(replace(after, id=before.id))
    return replace(chart, facts=tuple(facts))
