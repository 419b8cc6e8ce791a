"""How values are spread: counts by range, with the interval of each share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.console.plots.plot import WIDTH, Canvas, Plot
from cds_hooks.console.plots.scales import linear, number
from cds_hooks.intervals import wilson

__all__ = ["Bin", "histogram"]

_LEFT, _RIGHT, _TOP, _HEIGHT = 64, 16, 14, 180


@dataclass(frozen=True, slots=True)
class Bin:
    """`count` values from `low` up to `high`; `high` of None has no end."""

    low: float
    high: float | None
    count: int


def histogram(bins: Sequence[Bin], *, title: str, unit: str = "", about: str = "") -> Plot:
    """One upright bar a range, all of one width, with its count and the 95 % Wilson interval of
    its share of all. Raises ValueError for a count below 0."""
    total = sum(each.count for each in bins)
    bounds = [tuple(total * end for end in wilson(b.count, total)) if total else (0.0, 0.0)
              for b in bins]  # fmt: skip
    bottom = float(_TOP + _HEIGHT)
    y = linear([end for pair in bounds for end in pair], bottom, _TOP)
    told = "; ".join(f"{_range(b, unit)}: {b.count:,}" for b in bins)
    canvas = Canvas(title, about or told or "No figures yet.", bottom + 42)
    for value, label in y.ticks:
        canvas.line(_LEFT, y.at(value), WIDTH - _RIGHT, y.at(value), "grid")
        canvas.text(_LEFT - 6, y.at(value) + 4, label, "end")
    wide = (WIDTH - _LEFT - _RIGHT) / max(len(bins), 1)
    every = max(1, len(bins) // 10)
    for place, (each, (low, high)) in enumerate(zip(bins, bounds, strict=True)):
        left = _LEFT + wide * place
        top, middle = y.at(each.count), left + wide / 2
        canvas.box(left + wide * 0.08, top, wide * 0.84, bottom - top, "fill series-1")
        if total:
            canvas.line(middle, y.at(low), middle, y.at(high), "whisker")
        if place % every == 0:
            canvas.text(left, bottom + 18, number(each.low), "middle")
    canvas.line(_LEFT, bottom, WIDTH - _RIGHT, bottom, "axis")
    canvas.text(WIDTH - _RIGHT, bottom + 36, f"from, {unit}" if unit else "from", "end")
    heads = ("Range", "Count", "Share", "95 % interval (%)")
    return canvas.done(title, heads, _rows(bins, total, unit))


def _rows(bins: Sequence[Bin], total: int, unit: str) -> Iterator[Sequence[str]]:
    for each in bins:
        low, high = wilson(each.count, total)
        share = f"{100 * each.count / total:.1f} %" if total else "none"
        interval = f"{100 * low:.1f} to {100 * high:.1f}" if total else ""
        yield _range(each, unit), f"{each.count:,}", share, interval


def _range(each: Bin, unit: str) -> str:
    if each.high is None:
        return f"{number(each.low, unit)} and more"
    return f"{number(each.low)} to {number(each.high, unit)}"
