"""Plots as SVG text: pure functions, no scripts, no fonts or files from elsewhere.

Colours come from the page's CSS, so that a plot is read in light and dark; each plot tells its
figures in words, too, for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.evaluation.metrics import Figure, VerdictRow
from cds_hooks.evaluation.metrics.curves import CalibrationCurve
from cds_hooks.evaluation.report.page import percent
from cds_hooks.evaluation.report.shapes import WIDTH, dot, frame, line, svg, text, whisker

__all__ = ["Point", "calibration_plot", "interval_plot", "scatter_plot", "verdict_plot"]

_LEFT, _RIGHT, _TOP, _ROW = 250, 90, 26, 26
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_FITS = 34
_WIDE = 350  # space for labels of up to 70 characters at size 10
_LINE = 18


@dataclass(frozen=True, slots=True)
class Point:
    """A labelled point with an interval on its vertical axis."""

    label: str
    x: float
    y: Figure


@dataclass(frozen=True, slots=True)
class Area:
    """Where a plot with two axes lies; `x` and `y` run from 0 to 1, `y` upwards."""

    left: float
    top: float
    width: float
    height: float

    def x(self, share: float) -> float:
        return self.left + self.width * share

    def y(self, share: float) -> float:
        return self.top + self.height * (1 - share)

    def axes(self, ends: str, most: float) -> Iterator[str]:
        """Frame, gridlines and ticks; the horizontal axis ends at `most`, written as `ends`."""
        yield frame(self.left, self.top, self.width, self.height)
        for part in _QUARTERS:
            yield line(self.left, self.y(part), self.x(1), self.y(part), "grid")
            yield text(self.left - 8, self.y(part) + 4, f"{100 * part:.0f} %", "end")
            tick = ends.format(most * part)
            yield text(self.x(part), self.y(0) + 18, tick, "middle")

    def at(self, x: float, figure: Figure) -> str:
        """A point with its interval."""
        return whisker(x, self.y(figure.value), self.y(figure.low), self.y(figure.high))


def interval_plot(rows: Sequence[tuple[str, Figure]], *, title: str) -> str:
    """Shares as dots with their intervals on a common scale from 0 to 100 %."""
    bottom = _TOP + _ROW * len(rows)
    left = _LEFT if all(len(label) <= _FITS for label, _ in rows) else _WIDE
    drawn = list(_share_axis(left, bottom))
    for index, (label, figure) in enumerate(rows):
        y = _TOP + _ROW * index + _ROW / 2
        drawn.append(text(left - 10, y + 4, label, "end", 13 if left == _LEFT else 10))
        if figure.known:
            low, value, high = (_at(left, v) for v in (figure.low, figure.value, figure.high))
            drawn += [line(low, y, high, y, "bar"), dot(value, y)]
            drawn.append(text(WIDTH - _RIGHT + 12, y + 4, f"{100 * figure.value:.1f} %"))
    told = (f"{label} {percent(f)}" for label, f in rows if f.known)
    return svg(title, told, bottom + 26, drawn)


def verdict_plot(rows: Sequence[VerdictRow], *, title: str) -> str:
    """Diagnoses by verdict: how many were the truth, and how many not."""
    most = max((row.right + row.wrong for row in rows), default=0) or 1
    scale = (WIDTH - _LEFT - _RIGHT) / most
    drawn = [
        frame(_LEFT, 6, 12, 12, "right"),
        text(_LEFT + 18, 16, "the truth"),
        frame(_LEFT + 100, 6, 12, 12, "wrong"),
        text(_LEFT + 118, 16, "another diagnosis"),
    ]
    for index, row in enumerate(rows):
        y, right, wrong = _TOP + _ROW * index, row.right * scale, row.wrong * scale
        drawn.append(text(_LEFT - 10, y + 17, row.verdict.value, "end"))
        drawn.append(frame(_LEFT, y + 5, right, 16, "right"))
        drawn.append(frame(_LEFT + right, y + 5, wrong, 16, "wrong"))
        drawn.append(text(_LEFT + right + wrong + 6, y + 17, _count(row)))
    told = (f"{row.verdict.value} {_count(row)}" for row in rows)
    return svg(title, told, _TOP + _ROW * len(rows) + 6, drawn)


def calibration_plot(made: CalibrationCurve, *, title: str, stated: str) -> str:
    """Stated against observed share; on the dashed line a share means what it says."""
    area = Area(70, 20, 300, 300)
    drawn = [*area.axes("{:.0f} %", 100), line(area.x(0), area.y(0), area.x(1), area.y(1), "guide")]
    for part in made.bins:
        x, figure = area.x(part.stated), part.observed
        drawn.append(area.at(x, figure))
        drawn.append(text(x + 8, area.y(figure.low) + 4, f"n {figure.n}", size=10))
    drawn.append(text(area.x(0.5), area.y(0) + 38, stated, "middle"))
    drawn.append(text(area.x(1) + 70, area.top + 12, "vertical: share that was right,"))
    drawn.append(text(area.x(1) + 70, area.top + 30, "with its 95 % interval"))
    told = (f"stated {b.stated:.2f}, observed {b.observed.value:.2f}" for b in made.bins)
    return svg(title, told, area.y(0) + 48, drawn)


def scatter_plot(points: Sequence[Point], *, title: str, x_label: str) -> str:
    """Accuracy against what it costs; the horizontal axis starts at 0."""
    area = Area(70, 20, WIDTH - 110, 260)
    shown = [p for p in points if p.y.known]
    most = max((p.x for p in shown), default=0.0) or 1.0
    drawn = list(area.axes("{:.3g}", most))
    drawn.append(text(area.x(0.5), area.y(0) + 38, x_label, "middle"))
    legend = area.y(0) + 62
    for number, point in enumerate(shown, start=1):
        x = area.x(point.x / most)
        drawn.append(area.at(x, point.y))
        drawn.append(text(x + 8, area.y(point.y.value) - 7, str(number)))
        told_there = f"{number}  {point.label}: {100 * point.y.value:.1f} %"
        drawn.append(text(area.left, legend + _LINE * (number - 1), told_there, size=12))
    told = (f"{p.label}: {p.x:.3g}, {percent(p.y)}" for p in shown)
    return svg(title, told, legend + _LINE * len(shown), drawn)


def _count(row: VerdictRow) -> str:
    return f"{row.right} of {row.right + row.wrong}"


def _share_axis(left: float, bottom: float) -> Iterator[str]:
    for tick in range(0, 101, 20):
        x = _at(left, tick / 100)
        yield line(x, _TOP, x, bottom, "grid")
        yield text(x, bottom + 18, f"{tick} %", "middle")


def _at(left: float, share: float) -> float:
    return left + (WIDTH - left - _RIGHT) * min(max(share, 0.0), 1.0)
