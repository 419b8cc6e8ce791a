"""Where the time of one consultation went: each stage with its start and how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.console.plots.plot import WIDTH, Canvas, Plot, shortened
from cds_hooks.console.plots.scales import finite, linear, number

__all__ = ["Span", "spans_of", "waterfall"]

_LEFT, _RIGHT, _TOP, _ROW = 190, 108, 10, 24
_DEPTHS = 3
_LONG_MS = 10_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stage; `start` and `duration` in milliseconds, `depth` 1 for a part of the stage before,
    `note` a word on it. One that is not finite, or negative, counts as 0."""

    name: str
    start: float
    duration: float
    depth: int = 0
    note: str = ""


def spans_of(timings_ms: Mapping[str, float]) -> tuple[Span, ...]:
    """The stages of a consultation one after the other, from how long each took.

    `model.decode` is a part of `model`: it starts where that does, or where its part before ended.
    A part of nothing that is timed stands by itself. The starts are worked out, not measured.
    """
    spans: list[Span] = []
    clock = 0.0
    parts = {name for name in timings_ms if "." in name and _whole_of(name) in timings_ms}
    for name, took in timings_ms.items():
        if name in parts:
            continue
        took = _amount(took)
        spans.append(Span(name, clock, took))
        within = clock
        for part in (each for each in timings_ms if each in parts and _whole_of(each) == name):
            spans.append(Span(part, within, _amount(timings_ms[part]), depth=1))
            within += _amount(timings_ms[part])
        clock += took
    return tuple(spans)


def _whole_of(name: str) -> str:
    """The stage that a part is of: the first name before a dot."""
    return name.partition(".")[0]


def _amount(value: float) -> float:
    return value if finite(value) and value > 0 else 0.0


def waterfall(spans: Sequence[Span], *, title: str, about: str = "") -> Plot:
    """One row a stage on a common axis of milliseconds, or of seconds where it is a long one."""
    ends = [_amount(s.start) + _amount(s.duration) for s in spans]
    scale = linear([e if finite(e) else _amount(s.start) for s, e in zip(spans, ends, strict=True)],
                   float(_LEFT), float(WIDTH - _RIGHT))  # fmt: skip
    bottom = _TOP + _ROW * max(len(spans), 1)
    told = "; ".join(f"{s.name}: {number(round(_amount(s.duration), 1))} ms" for s in spans)
    canvas = Canvas(title, about or told or "No figures yet.", bottom + 30)
    long = max(ends, default=0.0) >= _LONG_MS
    for value, label in scale.ticks:
        canvas.line(scale.at(value), _TOP, scale.at(value), bottom, "grid")
        text = number(value / 1000) if long else label
        canvas.text(scale.at(value), bottom + 18, text, "middle")
    if not spans:
        canvas.text(WIDTH / 2, bottom - 8, "Nothing was timed", "middle")
    for place, (span, end) in enumerate(zip(spans, ends, strict=True)):
        y = _TOP + _ROW * place
        depth = min(max(span.depth, 0), _DEPTHS)
        canvas.text(8 + 14 * depth, y + 16, shortened(span.name, 26 - 2 * depth), kind="label")
        left, right = scale.at(_amount(span.start)), scale.at(end)
        kind = f"fill series-{1 if depth == 0 else 2}"
        # What took no time to speak of is seen all the same.
        canvas.box(left, y + 5, max(right - left, 1.5), _ROW - 10, kind)
        canvas.text(WIDTH - _RIGHT + 8, y + 16, _took(_amount(span.duration), long))
    canvas.text(WIDTH - 8, bottom + 18, "s" if long else "ms", "end")
    return canvas.done(title, ("Stage", "Start (ms)", "Took (ms)", "Note"), _rows(spans))


def _took(ms: float, long: bool) -> str:
    """ "47.3 s" beside an axis of seconds, but "142.9 ms" for what would be no second."""
    if long and ms >= 1000:
        return f"{number(round(ms / 1000, 1))} s"
    return f"{number(round(ms, 1))} ms"


def _rows(spans: Sequence[Span]) -> Iterator[Sequence[str]]:
    for span in spans:
        start, took = (number(round(_amount(v), 1)) for v in (span.start, span.duration))
        yield f"{'part: ' if span.depth else ''}{span.name}", start, took, span.note
