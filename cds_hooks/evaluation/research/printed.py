"""Figures made again, compared with the published ones digit by digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.evaluation.research.paper import ModelRow, PanelRow

__all__ = ["FigureComparison", "compare_panel", "compare_row", "to_digits"]


@dataclass(frozen=True, slots=True)
class FigureComparison:
    """One published figure and ours, rounded to as many digits."""

    what: str
    printed: str
    ours: str

    @property
    def same(self) -> bool:
        return self.printed == self.ours


def to_digits(value: float, printed: str) -> str:
    """A value with as many decimals as the printed one."""
    return f"{value:.{len(printed.partition('.')[2])}f}"


def compare_row(row: ModelRow) -> tuple[FigureComparison, ...]:
    """Every figure of a row that was published; empty when none was."""
    printed = row.model.printed
    if printed is None:
        return ()
    title = row.model.title
    shares = (
        ("majority", printed.majority, row.majority.value),
        ("any of the runs", printed.any, row.any.value),
        ("all agree", printed.agree, row.agree.value),
        ("otherwise", printed.split, row.split.value),
    )
    counts = (
        ("all agree, n", printed.agree_n, row.agree.n),
        ("otherwise, n", printed.split_n, row.split.n),
    )
    return (
        *(FigureComparison(f"{title}: {w}", p, to_digits(100 * v, p)) for w, p, v in shares),
        *(FigureComparison(f"{title}: {w}", str(p), str(n)) for w, p, n in counts),
    )


def compare_panel(row: PanelRow) -> tuple[FigureComparison, ...]:
    """Every figure of a panel that was published."""
    return tuple(_panel(row))


def _panel(row: PanelRow) -> Iterator[FigureComparison]:
    printed = row.panel.printed
    if printed is None:
        return
    title = row.panel.title
    yield FigureComparison(f"{title}: unanimous, n", str(printed.agree_n), str(row.agree.n))
    yield FigureComparison(f"{title}: otherwise, n", str(printed.split_n), str(row.split.n))
    for what, text, value in (
        ("unanimous", printed.agree, 100 * row.agree.value),
        ("otherwise", printed.split, 100 * row.split.value),
        ("plurality", printed.plurality, 100 * row.plurality.value),
        ("AUROC of the vote share", printed.auroc, row.auroc.value),
        ("union holds the truth", printed.union, 100 * row.union.value),
        ("size of the union", printed.size, row.size.value),
    ):
        if text:
            yield FigureComparison(f"{title}: {what}", text, to_digits(value, text))
