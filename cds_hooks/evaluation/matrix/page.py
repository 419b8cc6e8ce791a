"""The report of a matrix: a table and plots for each suite and way of asking, ranks, cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.matrix.cell_folder import CellRecord, CellState
from cds_hooks.evaluation.matrix.cost import Needed
from cds_hooks.evaluation.matrix.plan import Cell
from cds_hooks.evaluation.matrix.ranking import Ranked, ranking
from cds_hooks.evaluation.metrics import Figure, bootstrap, proportion, top
from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.svg import Point, interval_plot, scatter_plot
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.suites.suite import Task

__all__ = ["CellFigures", "figures_of", "matrix_page"]

_MATCH = MatchRule.EXACT
_GIB = 1 << 30
_UNKNOWN = "–"  # noqa: RUF001 - the dash of a table's empty cell


@dataclass(frozen=True, slots=True)
class CellFigures:
    """A cell with its figures; `seconds` is their median a case and `total_s` all of them, `right`
    is case -> whether the first diagnosis was the truth."""

    cell: Cell
    state: CellState
    record: CellRecord
    top1: Figure
    top5: Figure
    valid: Figure
    seconds: Figure
    total_s: float
    right: dict[str, bool]


def figures_of(
    cell: Cell, state: CellState, record: CellRecord, results: Sequence[CaseResult]
) -> CellFigures:
    """The figures of a cell, whatever of it is there. Cases without an answer count as wrong."""
    ranks = [r.rank(_MATCH) for r in results]
    drawn, failed = sum(len(r.samples) for r in results), sum(r.samples_failed for r in results)
    return CellFigures(
        cell=cell,
        state=state,
        record=record,
        top1=top(ranks, 1),
        top5=top(ranks, 5),
        valid=proportion(drawn, drawn + failed),
        seconds=bootstrap(lambda c: float(np.median(c[0])), [[r.seconds for r in results]]),
        total_s=sum(r.seconds for r in results),
        right={r.case: rank == 1 for r, rank in zip(results, ranks, strict=True)},
    )


def matrix_page(cells: Sequence[CellFigures], needed: Needed | None) -> Page:
    """The whole page; a cell that is not finished is there with what it has, and says so."""
    sections = list(itertools.chain.from_iterable(map(_section, _groups(cells))))
    return Page("Matrix of models", tuple(_lead(cells)), (*sections, _cost(needed), _method()))


def _lead(cells: Sequence[CellFigures]) -> Iterator[str]:
    states = [c.state for c in cells]
    told = ", ".join(f"{states.count(s)} {s.value}" for s in CellState if s in states)
    yield f"{len(cells)} cells: {told}."
    yield (
        "Measured on benchmark cases, not on patients. Every figure carries the number of cases it "
        "rests on and a 95 % interval. Models whose intervals of ranks overlap were not told apart."
    )


def _groups(cells: Sequence[CellFigures]) -> list[list[CellFigures]]:
    def group(found: CellFigures) -> tuple[str, str]:
        return found.cell.suite.id, found.cell.way

    return [list(members) for _, members in itertools.groupby(sorted(cells, key=group), key=group)]


def _section(group: Sequence[CellFigures]) -> Iterator[PageSection]:
    cell = group[0].cell
    answered = [f for f in group if f.right]
    plots = [
        interval_plot([(f.cell.model.name, f.top1) for f in answered], title="First is the truth"),
        scatter_plot(
            [Point(f.cell.model.name, f.seconds.value, f.top1) for f in answered],
            title="Accuracy and time", x_label="median seconds a case",
        ),
    ]  # fmt: skip
    yield PageSection(
        f"{cell.suite.id}, {cell.way}",
        (f"{cell.task.value.capitalize()}; {_ways(cell)}, seed {cell.seed}. By the exact rule.",),
        tuple(plots) if answered else (),
        (_table(group), *_ranks(ranking({f.cell.model.name: f.right for f in answered}))),
    )


def _ways(cell: Cell) -> str:
    if cell.task is not Task.OPEN:
        return f"one of a given list, {cell.samples} samples a case"
    names = "along the names of the terminology" if cell.answers == "names" else "free text"
    return f"{cell.template} answers, {names}, {cell.samples} samples a case"


def _table(group: Sequence[CellFigures]) -> PageTable:
    rows = tuple(
        (
            f.cell.model.name,
            *(percent(each) for each in (f.top1, f.top5, f.valid)),
            number(f.seconds, 1),
            _seconds(f.record.load_s),
            _seconds(f.record.asking_s),
            _memory(f.record.memory_bytes),
            _state(f),
        )
        for f in group
    )
    headings = (
        "model", "first", "among 5", "valid samples", "median seconds a case", "seconds of load",
        "seconds in all", "memory of an engine, GiB", "state",
    )  # fmt: skip
    return PageTable(headings, rows)


def _state(found: CellFigures) -> str:
    done, cases = len(found.right), found.record.cases
    if found.state is CellState.FAILED:
        return f"failed: {found.record.failed}"
    return f"{done} of {cases or '?'} cases" if found.state is CellState.BEGUN else found.state


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value else _UNKNOWN


def _memory(size: int | None) -> str:
    return f"{size / _GIB:.2f}" if size else _UNKNOWN


def _ranks(ranked: Sequence[Ranked]) -> Iterator[PageTable]:
    if len(ranked) < 2:
        return
    rows = tuple(
        (
            str(r.rank),
            r.name,
            percent(r.accuracy),
            f"{r.best_rank} to {r.worst_rank}",
            f"{100 * r.first_share:.0f} %",
            _UNKNOWN if r.p_adjusted is None else f"{r.p_adjusted:.3g}",
        )
        for r in ranked
    )
    told_apart = sum(r.told_apart for r in ranked)
    caption = (
        f"Ranks on the {ranked[0].accuracy.n} cases that all of them answered; the cases tell "
        f"{told_apart} of {len(ranked) - 1} apart from the first"
    )
    headings = ("rank", "model", "first", "rank, 95 %", "comes first", "p against the first")
    yield PageTable(headings, rows, caption)


def _cost(needed: Needed | None) -> PageSection:
    if needed is None:
        return PageSection(
            "What more models would take",
            (
                "Not computed: it needs `--mix`, and models of three sizes (`parameters_b`) that "
                "have finished every suite and way that any model has finished.",
            ),
        )
    told = (
        f"{needed.models} models over {needed.cases} cases each, all suites and ways together: "
        f"{needed.hours:,.0f} hours ({needed.hours / 24:,.0f} days) on this machine.",
        f"Computed, not measured: a case takes {needed.fixed_s:.1f} seconds and "
        f"{needed.billion_s:.1f} more for each billion parameters here, a straight line through "
        f"what was measured; the largest class is {needed.beyond:,.0f} times the largest model "
        "that was measured. Whether it fits into memory is another question (`chartside models "
        "check`).",
    )
    rows = tuple(
        (f"{c.parameters_b:g} billion", str(c.models), f"{hours:,.1f}")
        for c, hours in needed.by_class
    )
    table = PageTable(("size", "models", "hours"), rows)
    return PageSection("What more models would take", told, tables=(table,))


def _method() -> PageSection:
    return PageSection(
        "How it was measured",
        (
            "Shares have Wilson intervals, seconds percentile bootstrap intervals over cases. "
            "Ranks are those of 2,000 draws of cases with a fixed seed, the same for each model. "
            "Probabilities are of exact McNemar tests against the first, corrected by Holm's "
            "method. Cases without an answer count as wrong. Memory is the largest resident set of "
            "an engine process, with the pages of the model's file.",
        ),
    )
