"""What a verifier reaches on the recorded answers, as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_hooks.evaluation.metrics import Figure
from cds_hooks.evaluation.report.page import (
    Page,
    PageSection,
    PageTable,
    number,
    percent,
)
from cds_hooks.evaluation.report.svg import calibration_plot, interval_plot
from cds_hooks.evaluation.research.verifier_replay import MethodRow, PanelResult
from cds_hooks.evaluation.verifier.calibrated import SetFigures

__all__ = ["verifier_page"]

_NONE = "no threshold reaches this"


def verifier_page(results: Sequence[PanelResult], *, repetitions: int) -> Page:
    """One section a panel."""
    lead = (
        "Closed list: one diagnosis of a list that holds the right one, answers recorded elsewhere "
        "(arXiv 2601.03266, slipped rows corrected). It is not what a card does.",
        "Weights were learnt on a random half of the cases and read on the other, and the other "
        f"way round, {repetitions} times; intervals are drawn over cases. “Closed” is the share of "
        "the distance from the base model's majority of three to the bound (any proposed diagnosis "
        "is right). Votes and fixed rules learn nothing and are read on all cases.",
        "The place of an answer on the list of options is no feature: lists are not shuffled, and "
        "the first option is right in 31.9 % of cases. The truth is beside the features and never "
        "in them.",
        "A majority that three different answers do not have counts as wrong, as published; votes "
        "and verifier then choose one of them.",
        "Panels were fixed beforehand. Comparisons are many and not corrected for their number.",
    )
    return Page("Verifier on recorded answers", lead, tuple(map(_section, results)))


def _section(result: PanelResult) -> PageSection:
    made = result.calibrated
    told = (
        f"One sample {percent(result.single)}; majority {percent(result.majority)}; bound "
        f"{percent(result.best)}.",
        f"AUROC for a right first choice: verifier {number(result.area)}, votes "
        f"{number(result.vote_area)}. Calibration error {number(made.curve.error, 3)} (before the "
        f"curve {number(made.uncalibrated, 3)}), Brier score {number(made.curve.brier, 3)}: fitted "
        "on half, calibrated on a quarter, read on the last quarter.",
    )
    title = f"{result.panel.id}: {result.panel.title}"
    plots = (
        interval_plot(tuple(_plotted(result)), title=f"{result.panel.id}: first choice right"),
        calibration_plot(
            made.curve, title=f"{result.panel.id}: calibration", stated="probability stated"
        ),
    )
    tables = (
        PageTable(
            ("method", "right", "closed", "gain on the vote", "p"),
            tuple(map(_method, result.methods)),
        ),
        PageTable(
            ("stated risk", "sets hold the truth", "and where there is none", "in a set", _NONE),
            tuple(map(_set, made.sets)),
        ),
    )
    return PageSection(title, told, plots, tables)


def _plotted(result: PanelResult) -> Iterator[tuple[str, Figure]]:
    yield "one sample", result.single
    yield "majority", result.majority
    yield from ((m.method, m.right) for m in result.methods)
    yield "bound", result.best


def _method(row: MethodRow) -> tuple[str, ...]:
    points = f"{100 * row.gain.value:+.1f} points"
    interval = f"({100 * row.gain.low:+.1f} to {100 * row.gain.high:+.1f})"
    closed = percent(row.closed)
    return row.method, percent(row.right), closed, f"{points} {interval}", f"{row.p:.2g}"


def _set(made: SetFigures) -> tuple[str, ...]:
    never = f"in {100 * made.unreached:.0f} % of divisions"
    held = percent(made.coverage), percent(made.overall)
    return f"{made.risk:g}", *held, number(made.size), never
