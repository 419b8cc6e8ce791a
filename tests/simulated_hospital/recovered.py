"""The figures of a trial's report by the names under which they are expected."""

from __future__ import annotations

from collections.abc import Iterator

from cds_hooks.consultation import Verdict
from cds_hooks.figures import Figure
from cds_hooks.trial.report import TrialReport
from tests.simulated_hospital.parameters import SAMPLES

__all__ = ["recovered"]

_TOLD = (1, 3)


def recovered(report: TrialReport) -> dict[str, Figure]:
    """Every figure that the report tells of this hospital, but those that are too few to tell."""
    return {name: figure for name, figure in _figures(report) if figure is not None}


def _figures(report: TrialReport) -> Iterator[tuple[str, Figure | None]]:
    for row in report.accuracy:
        yield f"top-{row.k}, {row.level}", row.named
    yield "struck out and right", report.struck_out.right
    yield "lost by striking out", report.struck_out.lost
    yield "supported and wrong", report.struck_out.supported_wrong
    yield from (
        ("supported and right", each.right)
        for each in report.verdicts
        if each.verdict is Verdict.SUPPORTED
    )
    if report.votes is not None:
        for each in report.votes.bins:
            yield f"right of {round(each.stated * SAMPLES)} in {SAMPLES} votes", each.observed
        yield "Brier score of votes", report.votes.brier
    yield from _of_rules(report)
    yield "named before charted", report.time_gained.named
    yield "hours gained, median", report.time_gained.hours
    yield "seconds, median", report.seconds.median
    yield "seconds, mean", report.seconds.mean
    for group in report.subgroups:
        for k in _TOLD if group.named and group.dimension != "service" else ():
            assert group.named is not None
            yield f"top-{k}, {group.group}", group.named[k]


def _of_rules(report: TrialReport) -> Iterator[tuple[str, Figure | None]]:
    yield "rules: right where they fired", report.rules.right
    yield "rules: missed", report.rules.missed
    for row in report.rules.rows:
        yield f"{row.rule}: right where it fired", row.right
        yield f"{row.rule}: fired where it was right", row.caught
