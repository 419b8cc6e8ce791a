"""The section of a trial's page on what changed since another report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cds_hooks.evaluation.report.page import PageSection, PageTable
from cds_hooks.trial.drift import ALPHA, FigureDrift

__all__ = ["drift_lead", "trial_drift"]

_HEADINGS = ("figure", "then", "now", "change", "must stay in", "is in, at any look", "left")


def drift_lead(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What the head of the page says of a comparison; nothing without one."""
    compared = document["compared"]
    if not compared:
        return ()
    left = ", ".join(compared["left"])
    told = f"DRIFT: {left} left the interval" if left else "No watched figure left its interval"
    missing = ", ".join(compared.get("not_compared", ()))
    more = (f"NOT COMPARED, for want of cases: {missing}.",) if missing else ()
    return (f"{told} since the report {compared['report_sha256'][:16]}.", *more)


def trial_drift(found: Sequence[FigureDrift]) -> PageSection:
    """Each watched figure then and now."""
    text = (
        "A figure left its interval when the whole range in which it may be now, however often "
        f"one looks, lies outside the one of then. Over all figures and looks that happens in at "
        f"most {100 * ALPHA:.0f} of 100 trials in which nothing changed. The change with its own "
        "95 % interval tells of this look alone.",
    )
    rows = tuple(map(_row, found))
    return PageSection("Since the decision", text, tables=(PageTable(_HEADINGS, rows),))


def _row(each: FigureDrift) -> tuple[str, ...]:
    change = f"{100 * each.change:+.1f} points ({_range(each.change_low, each.change_high)})"
    return (
        each.name,
        f"{100 * each.reference.share:.1f} %, n = {each.reference.n}",
        f"{100 * each.current.share:.1f} %, n = {each.current.n}",
        change,
        f"{_range(each.reference_low, each.reference_high)} %",
        f"{_range(each.low, each.high)} %",
        "LEFT" if each.left else "no",
    )


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"
