"""How the loss went, when to stop, and how fast to learn: plain values and pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from cds_hooks.tuning.training.cpu_recipe import CpuRecipe

__all__ = ["LossPoint", "best_point", "check_steps", "learning_rate", "should_stop", "steps_of"]


class LossPoint(BaseModel):
    """Losses (nats a marked token) after `step` steps; `trained` is of the steps since the last
    point, None before the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int
    held_out: float
    trained: float | None = None


def steps_of(examples: int, recipe: CpuRecipe) -> int:
    """Steps of an epoch."""
    return math.ceil(examples / recipe.examples_a_step)


def check_steps(examples: int, recipe: CpuRecipe) -> frozenset[int]:
    """After which steps the held-out loss is computed: evenly within each epoch, and at its end."""
    an_epoch, checks = steps_of(examples, recipe), recipe.checks_an_epoch
    within = {max(round(an_epoch * n / checks), 1) for n in range(1, checks + 1)}
    return frozenset(epoch * an_epoch + n for epoch in range(recipe.epochs) for n in within)


def learning_rate(step: int, steps: int, recipe: CpuRecipe) -> float:
    """The rate of step 1 to `steps`: a linear rise, then half a cosine down to nothing."""
    rise = max(round(steps * recipe.warm_up), 1)
    if step <= rise:
        return recipe.learning_rate * step / rise
    done = (step - rise) / max(steps - rise, 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def best_point(course: Sequence[LossPoint]) -> LossPoint:
    """The point of the smallest held-out loss, the first of equals."""
    return min(course, key=lambda point: (point.held_out, point.step))


def should_stop(course: Sequence[LossPoint], patience: int) -> bool:
    """Whether the last `patience` points are all no better than the best before them."""
    if len(course) <= patience:
        return False
    before = min(point.held_out for point in course[:-patience])
    return all(not point.held_out < before for point in course[-patience:])
