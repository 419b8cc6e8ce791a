"""What a report is made of, before it is HTML or Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cds_hooks.evaluation.metrics import Figure

__all__ = ["Page", "PageSection", "PageTable", "number", "percent", "plain_percent"]

_UNKNOWN = "–"  # noqa: RUF001 - the dash of a table's empty cell


@dataclass(frozen=True, slots=True)
class PageTable:
    """Rows of text under headings; the first column names the row."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PageSection:
    """A heading with what a reader must know, plots (SVG) and tables."""

    title: str
    text: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    tables: tuple[PageTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report."""

    title: str
    lead: tuple[str, ...]
    sections: tuple[PageSection, ...]


def percent(figure: Figure) -> str:
    """ "87.2 % (82.1 to 91.0), n = 107", a dash where it is not defined."""
    if not figure.known:
        return f"{_UNKNOWN} n = {figure.n}"
    value, low, high = (f"{100 * v:.1f}" for v in (figure.value, figure.low, figure.high))
    return f"{value} % ({low} to {high}), n = {figure.n}"


def plain_percent(figure: Figure) -> str:
    """ "87.2 %", for where n and interval stand beside it."""
    return f"{100 * figure.value:.1f} %" if figure.known else _UNKNOWN


def number(figure: Figure, digits: int = 2) -> str:
    """ "0.87 (0.81 to 0.92), n = 207", a dash where it is not defined."""
    if not figure.known:
        return f"{_UNKNOWN} n = {figure.n}"
    value = f"{figure.value:.{digits}f}"
    if math.isnan(figure.low):
        return f"{value}, n = {figure.n}"
    return f"{value} ({figure.low:.{digits}f} to {figure.high:.{digits}f}), n = {figure.n}"
