"""A comparison of two runs as a table and what must be said beside it."""

from __future__ import annotations

from cds_hooks.evaluation.metrics import Paired
from cds_hooks.evaluation.report.page import PageTable, number, percent
from cds_hooks.evaluation.runs.comparison import Comparison
from cds_hooks.evaluation.suites.suite import Task

__all__ = ["comparison_text"]


def comparison_text(found: Comparison, task: Task) -> tuple[PageTable, tuple[str, ...]]:
    """The table, first run before second, and notes under it."""
    among = "the first diagnosis" if found.at == 1 else f"among the first {found.at}"
    rows = [
        _paired(f"the truth is {among}", found.right),
        _paired("every answer is on the list", found.listed)
        if task is Task.CLOSED
        else _paired("every name is recognised", found.recognised),
    ]
    rows += [
        (c.what, number(c.first, 1), number(c.second, 1), "", f"x {number(c.ratio)}")
        for c in found.costs
        if c.first.n
    ]
    notes = [f"Match rule: {found.match.rule}"]
    if any(found.alone):
        one, two = found.alone
        notes.append(f"Left out: {one} cases that only the first run holds, {two} of the second.")
    headings = ("", "first", "second", "in one alone", "exact McNemar p, or ratio")
    return PageTable(headings, tuple(rows)), tuple(notes)


def _paired(what: str, paired: Paired) -> tuple[str, ...]:
    alone = f"{len(paired.only_first)} and {len(paired.only_second)}"
    return (what, percent(paired.first), percent(paired.second), alone, f"p = {paired.p:.3g}")
