"""All runs on one page: how often each figure's interval held what was built in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, percent
from cds_hooks.evaluation.report.svg import interval_plot
from cds_hooks.figures import proportion
from tests.simulated_hospital.coverage import CoveredFigure, covered, sums

__all__ = ["coverage_page"]

_HOW = {
    "cases": "From the cases alone",
    "service": "Through the whole service",
}


def coverage_page(runs: Sequence[Mapping[str, Any]]) -> Page:
    """One section for runs from cases alone, and one for those through the service."""
    sections = [
        _section(title, some)
        for how, title in _HOW.items()
        if (some := [run for run in runs if run["through"] == how])
    ]
    lead = (
        "How often a trial's report recovers what is built into a simulated hospital: of each "
        "figure the share of runs whose 95 % interval holds the built-in value, with the 95 % "
        "interval of that share. 95 % is expected.",
    )
    return Page("The simulated hospital", lead, tuple(sections))


def _section(title: str, runs: Sequence[Mapping[str, Any]]) -> PageSection:
    rows = covered(runs)
    plot = interval_plot(
        [(each.name, proportion(each.covers, each.runs)) for each in rows],
        title=f"{title}: runs whose interval holds what is built in",
    )
    return PageSection(title, tuple(sums(rows, runs)), (plot,), (_table(rows),))


def _table(rows: Sequence[CoveredFigure]) -> PageTable:
    headings = ("Figure", "Built in", "Median n", "Runs whose interval holds it")
    told = tuple((*_plain(each), percent(proportion(each.covers, each.runs))) for each in rows)
    return PageTable(headings, told)


def _plain(row: CoveredFigure) -> tuple[str, str, str]:
    return row.name, f"{row.built_in:.4g}", f"{row.n:,}"
