"""Plots of a verifier: odds ratios of its features, and its curve from score to probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from cds_hooks.evaluation.report.shapes import WIDTH, dot, frame, line, svg, text

__all__ = ["coefficient_plot", "curve_plot"]

_LEFT, _RIGHT, _TOP, _ROW = 250, 90, 30, 24
_SIDE = 300
_FITS = 36


def coefficient_plot(rows: Sequence[tuple[str, float]], *, title: str) -> str:
    """Odds ratios on a logarithmic scale around 1; `rows` are names and coefficients."""
    most = max((abs(weight) for _, weight in rows), default=0.0) or 1.0
    middle, reach = _LEFT + (WIDTH - _LEFT - _RIGHT) / 2, (WIDTH - _LEFT - _RIGHT) / 2
    bottom = _TOP + _ROW * len(rows)
    drawn = [line(middle, _TOP, middle, bottom, "guide")]
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = middle + reach * part
        drawn.append(line(x, _TOP, x, bottom, "grid"))
        drawn.append(text(x, bottom + 18, f"{math.exp(part * most):.2f}", "middle"))
    for index, (name, weight) in enumerate(rows):
        y = _TOP + _ROW * index + _ROW / 2
        x = middle + reach * weight / most
        drawn.append(text(_LEFT - 10, y + 4, _fitting(name), "end", 12))
        drawn += [line(middle, y, x, y, "bar"), dot(x, y)]
        drawn.append(text(WIDTH - _RIGHT + 12, y + 4, f"{math.exp(weight):.2f}"))
    told = (f"{name} {math.exp(weight):.2f}" for name, weight in rows)
    return svg(title, told, bottom + 28, drawn)


def _fitting(name: str) -> str:
    """A name of a model can be long; the table beside the plot has it whole."""
    return name if len(name) <= _FITS else f"{name[: _FITS - 1]}…"


def curve_plot(points: Sequence[tuple[float, float]], *, title: str) -> str:
    """The isotonic curve; on the dashed line a score is a probability as it stands."""
    left, top = 70, 20
    at = [(left + _SIDE * x, top + _SIDE * (1 - y)) for x, y in points]
    drawn = [frame(left, top, _SIDE, _SIDE), line(left, top + _SIDE, left + _SIDE, top, "guide")]
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + _SIDE * (1 - part)
        drawn.append(line(left, y, left + _SIDE, y, "grid"))
        drawn.append(text(left - 8, y + 4, f"{100 * part:.0f} %", "end"))
        drawn.append(text(left + _SIDE * part, top + _SIDE + 18, f"{part:g}", "middle"))
    ends = [(float(left), at[0][1]), *at, (float(left + _SIDE), at[-1][1])]
    drawn += [line(*one, *other, "bar") for one, other in pairwise(ends)]
    drawn += [dot(x, y) for x, y in at]
    drawn.append(text(left + _SIDE / 2, top + _SIDE + 38, "score", "middle"))
    drawn.append(text(left + _SIDE + 30, top + 12, "vertical: probability of being right"))
    told = (f"score {x:.3f}, probability {y:.3f}" for x, y in points)
    return svg(title, told, top + _SIDE + 48, drawn)
