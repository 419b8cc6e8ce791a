"""From figures to places: any finite floats, however large, small or alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Scale", "finite", "linear", "number", "times"]

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TIME_STEPS = (
    1, 5, 15, 30, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR,
    12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY,
    5 * 365 * _DAY, 20 * 365 * _DAY,
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Halves of floats up to this can be subtracted without overflow.
_LARGE = 1e300


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` to `high` lies on `start` to `end` of the image; `ticks` are values with labels."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]

    def at(self, value: float) -> float:
        """The place of a value; beyond the ends it is at the end."""
        return self.start + (self.end - self.start) * min(max(self._share(value), 0.0), 1.0)

    def _share(self, value: float) -> float:
        part = 0.25 if max(abs(self.low), abs(self.high)) > _LARGE else 1.0
        span = self.high * part - self.low * part
        return (value * part - self.low * part) / span if span > 0 else 0.5


def finite(value: float | None) -> bool:
    """Whether there is a value that can be drawn."""
    return value is not None and math.isfinite(value)


def number(value: float | None, unit: str = "") -> str:
    """A figure in words, "" for none: 12,345 and 1.5e-05."""
    if value is None or not math.isfinite(value):
        return ""
    text = f"{value:,.6g}" if abs(value) < 1e6 or abs(value) >= 1e15 else f"{value:,.0f}"
    return f"{text} {unit}" if unit else text


def linear(
    values: Iterable[float | None], start: float, end: float, *, zero: bool = True, most: int = 5
) -> Scale:
    """A scale on which all finite values lie, and 0 with `zero`, with about `most` ticks."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    known += [0.0] if zero or not known else []
    low, high = min(known), max(known)
    if low == high:
        high = low + (abs(low) or 1.0)
        high = high if math.isfinite(high) else low
        low = low if high > low else low / 2
    plain = Scale(low, high, start, end, tuple((v, number(v)) for v in (low, high)))
    step = _nice((high / most) - (low / most))
    if not step or not math.isfinite(step):
        return plain
    first, last = math.floor(low / step), math.ceil(high / step)
    ends = [value if math.isfinite(value) else kept for value, kept in
            ((first * step, low), (last * step, high))]  # fmt: skip
    ticks = [first * step + place * step for place in range(min(last - first, 4 * most) + 1)]
    shown = {number(v): v for v in ticks if math.isfinite(v) and ends[0] <= v <= ends[1]}
    ends_at = Scale(ends[0], ends[1], start, end, tuple((v, text) for text, v in shown.items()))
    return ends_at if shown else plain


def _nice(rough: float) -> float:
    """The next step that people count by: 1, 2, 2.5 or 5 times a power of ten. 0 for none."""
    if not rough > 0 or not math.isfinite(rough):
        return 0.0
    power = 10.0 ** math.floor(math.log10(rough))
    if power == 0:
        return 0.0
    return next(step * power for step in _STEPS if step * power >= rough or step == _STEPS[-1])


def times(values: Iterable[float], start: float, end: float, *, most: int = 6) -> Scale:
    """A scale of UTC seconds since 1970 with labels as dates and times of day."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if not all(_is_date(value) for value in (low, high)):
        return linear(known, start, end, zero=False, most=most)
    if high - low < 1:
        low, high = low - 0.5, high + 0.5
    step = next((s for s in _TIME_STEPS if (high - low) / s <= most), _TIME_STEPS[-1])
    first = math.ceil(low / step)
    places = [place * step for place in range(first, math.floor(high / step) + 1)][: 10 * most]
    ticks = tuple((float(at), _moment(at, step)) for at in places) or ((low, _moment(low, 1)),)
    return Scale(low, high, start, end, ticks)


def _is_date(seconds: float) -> bool:
    return -2_000_000_000 < seconds < 64_000_000_000


def _moment(seconds: float, step: float) -> str:
    moment = _EPOCH + timedelta(seconds=seconds)
    if step >= 300 * _DAY:
        return f"{moment:%b %Y}"
    day = f"{moment.day} {moment:%b}"
    if step >= _DAY:
        return day
    clock = f"{moment:%H:%M}" if step >= _MINUTE else f"{moment:%H:%M:%S}"
    return day if clock in ("00:00", "00:00:00") else clock
