"""Lines over time, each with a band of its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cds_hooks.console.plots.plot import WIDTH, Canvas, Plot, shortened
from cds_hooks.console.plots.scales import Scale, finite, linear, number, times

__all__ = ["Point", "Series", "line_plot"]

_LEFT, _RIGHT, _TOP, _HEIGHT = 64, 16, 14, 200
_LEGEND = 20
_COLOURS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """`at` is UTC seconds. A `value` of None (or not finite) leaves a gap; `low` and `high` are its
    interval, `n` the cases behind it."""

    at: float
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A line with its name, in order of time."""

    name: str
    points: tuple[Point, ...]


def line_plot(series: Sequence[Series], *, title: str, unit: str = "", about: str = "") -> Plot:
    """Values over time from 0 on; more than four lines share colours and differ by dashes alone.

    Without points the image says that there are none.
    """
    every = [point for each in series for point in each.points if finite(point.at)]
    bottom = _TOP + _HEIGHT
    x = times([point.at for point in every], _LEFT, WIDTH - _RIGHT)
    y = linear(_values(every), bottom, _TOP)
    height = bottom + 26 + _LEGEND * len(series)
    canvas = Canvas(title, about or _told(series, unit), height)
    if every:
        _axes(canvas, x, y, bottom, unit)
    else:
        canvas.text(WIDTH / 2, (_TOP + bottom) / 2, "Nothing to show yet", "middle")
    for place, each in enumerate(series):
        _draw(canvas, each, x, y, place)
        _legend(canvas, each.name, bottom + 40 + _LEGEND * place, place)
    with_n = any(point.n is not None for point in every)
    heads = ("Series", "Time (UTC)", f"Value{f' ({unit})' if unit else ''}", "Interval")
    return canvas.done(title, (*heads, *(("n",) if with_n else ())), _rows(series, with_n))


def _values(points: Iterable[Point]) -> Iterator[float | None]:
    for point in points:
        yield from (point.value, point.low, point.high)


def _axes(canvas: Canvas, x: Scale, y: Scale, bottom: float, unit: str) -> None:
    for value, label in y.ticks:
        canvas.line(_LEFT, y.at(value), WIDTH - _RIGHT, y.at(value), "grid")
        canvas.text(_LEFT - 6, y.at(value) + 4, label, "end")
    for value, label in x.ticks:
        canvas.line(x.at(value), bottom, x.at(value), bottom + 4, "axis")
        canvas.text(x.at(value), bottom + 18, label, "middle")
    canvas.line(_LEFT, bottom, WIDTH - _RIGHT, bottom, "axis")
    if unit:
        canvas.text(4, _TOP - 2, shortened(unit, 24))


def _draw(canvas: Canvas, series: Series, x: Scale, y: Scale, place: int) -> None:
    colour = f"series-{place % _COLOURS + 1}"
    for run in _runs(series.points):
        upper = [(x.at(p.at), y.at(_or(p.high, p.value))) for p in run]
        lower = [(x.at(p.at), y.at(_or(p.low, p.value))) for p in run]
        if any(finite(p.low) or finite(p.high) for p in run):
            canvas.path([*upper, *reversed(lower)], f"band {colour}", closed=True)
        middle = [(x.at(p.at), y.at(p.value or 0.0)) for p in run]
        canvas.path(middle, f"stroke {colour}", closed=False)
        for at, value in middle if len(middle) <= 60 else ():
            canvas.dot(at, value, f"fill {colour}")


def _or(bound: float | None, value: float | None) -> float:
    return bound if bound is not None and finite(bound) else value or 0.0


def _runs(points: Iterable[Point]) -> Iterator[list[Point]]:
    """Points without a gap between them."""
    run: list[Point] = []
    for point in points:
        if finite(point.value) and finite(point.at):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _legend(canvas: Canvas, name: str, y: float, place: int) -> None:
    colour = f"series-{place % _COLOURS + 1}"
    canvas.line(_LEFT, y - 4, _LEFT + 26, y - 4, f"stroke {colour}")
    canvas.dot(_LEFT + 13, y - 4, f"fill {colour}", 3)
    canvas.text(_LEFT + 34, y, shortened(name, 70))


def _told(series: Sequence[Series], unit: str) -> str:
    """The last value of each line, for whoever hears the image described."""
    last = [
        (each.name, next((p for p in reversed(each.points) if finite(p.value)), None))
        for each in series
    ]
    told = [f"{name}: last {number(point.value, unit)}" for name, point in last if point]
    return "; ".join(told) or "No figures yet."


def _rows(series: Iterable[Series], with_n: bool) -> Iterator[Sequence[str]]:
    for each in series:
        for point in each.points:
            bounds = [number(point.low), number(point.high)]
            interval = " to ".join(bounds) if all(bounds) else ""
            row = (each.name, _when(point.at), number(point.value) or "none", interval)
            yield (*row, "" if point.n is None else f"{point.n:,}") if with_n else row


def _when(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, OSError, ValueError):
        return number(at)
