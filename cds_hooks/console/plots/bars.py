"""Bars with counts and intervals, one a row, so that labels of any length can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.console.plots.plot import WIDTH, Canvas, Plot, shortened
from cds_hooks.console.plots.scales import Scale, finite, linear, number
from cds_hooks.intervals import wilson

__all__ = ["Bar", "Share", "bar_plot", "share_plot"]

_LEFT, _RIGHT, _TOP, _ROW = 200, 84, 10, 26
_LABEL = 25


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its label; `low` and `high` are its interval, `told` the words at its end."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`, with 0 <= hits <= n."""

    label: str
    hits: int
    n: int


def bar_plot(bars: Sequence[Bar], *, title: str, unit: str = "", about: str = "") -> Plot:
    """One bar a row from 0 on. A value that is not finite has no bar, and says so in the table."""
    scale = linear([v for bar in bars for v in (bar.value, bar.low, bar.high)], *_ends())
    canvas = _canvas(bars, title, about, unit)
    _draw(canvas, bars, scale, unit)
    head = f"Value{f' ({unit})' if unit else ''}"
    rows = ((b.label, number(b.value) or "none", _interval(b), b.told) for b in bars)
    return canvas.done(title, ("What", head, "Interval", "Of"), rows)


def share_plot(shares: Sequence[Share], *, title: str, about: str = "") -> Plot:
    """Shares from 0 to 100 % with their 95 % Wilson intervals and counts.

    Raises ValueError where hits are not between 0 and n.
    """
    bars = [_bar(share) for share in shares]
    start, end = _ends()
    ticks = tuple((float(value), f"{value} %") for value in range(0, 101, 25))
    canvas = _canvas(bars, title, about, "%")
    _draw(canvas, bars, Scale(0.0, 100.0, start, end, ticks), "%")
    rows = ((b.label, _percent(b.value) if s.n else "none", _interval(b), f"{s.hits:,}", f"{s.n:,}")
            for b, s in zip(bars, shares, strict=True))  # fmt: skip
    return canvas.done(title, ("What", "Share", "95 % interval (%)", "Count", "Of"), rows)


def _bar(share: Share) -> Bar:
    low, high = wilson(share.hits, share.n)
    told = f"{share.hits:,} of {share.n:,}"
    if not share.n:
        return Bar(share.label, float("nan"), told=told)
    return Bar(share.label, 100 * share.hits / share.n, 100 * low, 100 * high, told)


def _percent(value: float) -> str:
    return f"{value:.1f} %"


def _ends() -> tuple[float, float]:
    return float(_LEFT), float(WIDTH - _RIGHT)


def _canvas(bars: Sequence[Bar], title: str, about: str, unit: str) -> Canvas:
    told = "; ".join(f"{b.label}: {b.told or number(b.value, unit) or 'none'}" for b in bars)
    return Canvas(title, about or told or "No figures yet.", _TOP + _ROW * max(len(bars), 1) + 30)


def _draw(canvas: Canvas, bars: Sequence[Bar], scale: Scale, unit: str) -> None:
    bottom = _TOP + _ROW * max(len(bars), 1)
    for value, label in scale.ticks:
        canvas.line(scale.at(value), _TOP, scale.at(value), bottom, "grid")
        canvas.text(scale.at(value), bottom + 18, label, "middle")
    if not bars:
        canvas.text(WIDTH / 2, bottom - 8, "Nothing to show yet", "middle")
    for place, bar in enumerate(bars):
        _draw_bar(canvas, bar, scale, _TOP + _ROW * place, unit)
    canvas.line(scale.at(0.0), _TOP, scale.at(0.0), bottom, "axis")


def _draw_bar(canvas: Canvas, bar: Bar, scale: Scale, y: float, unit: str) -> None:
    canvas.text(_LEFT - 8, y + 17, shortened(bar.label, _LABEL), "end", "label")
    canvas.text(WIDTH - _RIGHT + 8, y + 17, shortened(bar.told or number(bar.value, unit), 13))
    if not finite(bar.value):
        return
    left, right = sorted((scale.at(0.0), scale.at(bar.value)))
    canvas.box(left, y + 5, right - left, _ROW - 10, "fill series-1")
    for low, high in _whisker(bar, scale):
        canvas.line(low, y + _ROW / 2, high, y + _ROW / 2, "whisker")
        for end in (low, high):
            canvas.line(end, y + _ROW / 2 - 4, end, y + _ROW / 2 + 4, "whisker")


def _whisker(bar: Bar, scale: Scale) -> Iterator[tuple[float, float]]:
    if bar.low is not None and bar.high is not None and finite(bar.low) and finite(bar.high):
        yield scale.at(bar.low), scale.at(bar.high)


def _interval(bar: Bar) -> str:
    bounds = [number(round(b, 1) if b is not None and abs(b) < 1e6 and abs(b) > 1 else b)
              for b in (bar.low, bar.high)]  # fmt: skip
    return " to ".join(bounds) if all(bounds) else ""
