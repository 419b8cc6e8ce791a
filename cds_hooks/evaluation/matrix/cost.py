"""What a larger matrix would take, from what this one took.

Decoding reads every weight once a token, so seconds a case are some that every model takes and so
many more for each billion parameters: a straight line through the models that were measured (least
squares; through the origin where it would begin below 0). What is computed from it is an
extrapolation: it holds for this machine, these suites and these ways only, and says how far beyond
the largest measured model it goes. A machine that does something else meanwhile bends the line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Measured", "Needed", "SizeClass", "cost", "parse_mix"]

_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """A model that was asked here: billions of parameters, mean seconds a case."""

    parameters_b: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SizeClass:
    """So many models of a size, in billions of (active) parameters."""

    parameters_b: float
    models: int


@dataclass(frozen=True, slots=True)
class Needed:
    """Hours for all models of a matrix: a case takes `fixed_s` seconds and `billion_s` more for
    each billion parameters; `beyond` is the largest size over the largest measured one. None
    where too few sizes were measured."""

    models: int
    cases: int
    hours: float
    fixed_s: float
    billion_s: float
    beyond: float
    by_class: tuple[tuple[SizeClass, float], ...]


def parse_mix(said: str) -> tuple[SizeClass, ...]:
    """ "8:100,32:60,70:28" as classes. Raises ValueError."""
    classes = []
    for part in said.split(","):
        size, _, count = part.partition(":")
        parsed = SizeClass(float(size), int(count))
        if not (math.isfinite(parsed.parameters_b) and parsed.parameters_b > 0 < parsed.models):
            raise ValueError(part)
        classes.append(parsed)
    return tuple(classes)


def cost(measured: Sequence[Measured], mix: Sequence[SizeClass], cases: int) -> Needed | None:
    """Hours for the classes over so many cases (all suites and ways together)."""
    sizes = {m.parameters_b for m in measured if m.seconds > 0}
    if len(sizes) < _FEWEST or not mix or not cases:
        return None
    fixed_s, billion_s = _line([m for m in measured if m.seconds > 0])
    hours = [(c, c.models * cases * (fixed_s + billion_s * c.parameters_b) / 3600) for c in mix]
    return Needed(
        models=sum(c.models for c in mix),
        cases=cases,
        hours=sum(each for _, each in hours),
        fixed_s=fixed_s,
        billion_s=billion_s,
        beyond=max(c.parameters_b for c in mix) / max(sizes),
        by_class=tuple(hours),
    )


def _line(measured: Sequence[Measured]) -> tuple[float, float]:
    """Seconds that every model takes, and those of a billion parameters; neither below 0."""
    sizes = np.array([m.parameters_b for m in measured])
    seconds = np.array([m.seconds for m in measured])
    slope, fixed = (float(v) for v in np.polyfit(sizes, seconds, 1))
    if fixed < 0:
        return 0.0, float(sizes @ seconds / (sizes @ sizes))
    return (fixed, slope) if slope >= 0 else (float(seconds.mean()), 0.0)
