"""The course of the loss as SVG: held-out and trained, over steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cds_hooks.evaluation.report.shapes import WIDTH, dot, frame, line, svg, text
from cds_hooks.tuning.training.loss_course import LossPoint

__all__ = ["loss_plot"]

_LEFT, _TOP, _HEIGHT, _RIGHT = 70, 20, 240, 150
_LINES = 4
_NAMES = ("held out", "trained (dashed)")


def loss_plot(course: Sequence[LossPoint], *, title: str) -> str:
    """Losses in nats a token; the vertical axis begins at 0."""
    most_step = max((p.step for p in course), default=0) or 1
    most = max((max(p.held_out, p.trained or 0.0) for p in course), default=0.0) * 1.05 or 1.0

    def at(step: int, loss: float) -> tuple[float, float]:
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * step / most_step
        return x, _TOP + _HEIGHT * (1 - loss / most)

    held_out = [at(p.step, p.held_out) for p in course]
    trained = [at(p.step, p.trained) for p in course if p.trained is not None]
    drawn = list(_axes(most_step, most))
    drawn += [*_joined(trained, "guide"), *_joined(held_out, "bar")]
    drawn += [dot(x, y) for x, y in held_out]
    ends = [
        (points[-1], said)
        for points, said in zip((held_out, trained), _NAMES, strict=True)
        if points
    ]
    for (x, y), said in ends:
        above = all(y <= other for (_, other), _ in ends)
        drawn.append(text(x + 10, y - 4 if above else y + 14, said))
    told = (f"step {p.step}: held out {p.held_out:.3f}" for p in course)
    return svg(title, told, _TOP + _HEIGHT + 48, drawn)


def _axes(most_step: int, most: float) -> Iterator[str]:
    width = WIDTH - _LEFT - _RIGHT
    yield frame(_LEFT, _TOP, width, _HEIGHT)
    for n in range(_LINES + 1):
        share = n / _LINES
        y, x = _TOP + _HEIGHT * (1 - share), _LEFT + width * share
        yield line(_LEFT, y, _LEFT + width, y, "grid")
        yield text(_LEFT - 8, y + 4, f"{most * share:.2f}", "end")
        yield text(x, _TOP + _HEIGHT + 18, f"{most_step * share:g}", "middle")
    yield text(_LEFT + width / 2, _TOP + _HEIGHT + 38, "steps; loss in nats a token", "middle")


def _joined(points: Sequence[tuple[float, float]], kind: str) -> Iterator[str]:
    for (x1, y1), (x2, y2) in pairwise(points):
        yield line(x1, y1, x2, y2, kind)
