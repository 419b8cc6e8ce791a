"""The training itself: steps over examples in a fixed order, until held-out loss gets no better."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cds_hooks.tuning.example import MarkedTokens
from cds_hooks.tuning.training.answer_loss import answer_loss, mean_loss
from cds_hooks.tuning.training.base_model import Network
from cds_hooks.tuning.training.checkpoints import Checkpoint, Progress, lora_state, restore_lora
from cds_hooks.tuning.training.cpu_recipe import CpuRecipe
from cds_hooks.tuning.training.loss_course import (
    LossPoint,
    best_point,
    check_steps,
    learning_rate,
    should_stop,
    steps_of,
)

__all__ = ["Told", "train"]

Told = Callable[[int, int, float], None]
"""Called after each step with steps done, steps at most and the loss of the step."""


def train(
    model: Network,
    examples: Sequence[MarkedTokens],
    held_out: Sequence[MarkedTokens],
    recipe: CpuRecipe,
    checkpoint: Checkpoint,
    *,
    told: Told = lambda *_: None,
) -> Progress:
    """Train the LoRA weights; the model ends with those of the smallest held-out loss.

    Goes on from `checkpoint` when it is there, with the same result as without the break: the
    order of examples follows from the seed, and nothing else is drawn.
    """
    import torch

    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    state = checkpoint.load(model, optimiser)
    if state is None:
        state = Progress(0, [LossPoint(step=0, held_out=mean_loss(model, held_out))], 0.0, {})
        state.best = lora_state(model)
    _steps(_Run(model, optimiser, weights, examples, held_out, recipe, told), checkpoint, state)
    restore_lora(model, state.best)
    return state


@dataclass(frozen=True, slots=True)
class _Run:
    """What every step uses."""

    model: Network
    optimiser: Any
    weights: Sequence[Any]
    examples: Sequence[MarkedTokens]
    held_out: Sequence[MarkedTokens]
    recipe: CpuRecipe
    told: Told

    @property
    def steps(self) -> int:
        """Steps at most."""
        return steps_of(len(self.examples), self.recipe) * self.recipe.epochs

    def batch(self, step: int) -> list[MarkedTokens]:
        """The examples of a step, counted from 0."""
        an_epoch = steps_of(len(self.examples), self.recipe)
        epoch, within = divmod(step, an_epoch)
        order = np.random.default_rng([self.recipe.seed, epoch]).permutation(len(self.examples))
        size = self.recipe.examples_a_step
        return [self.examples[n] for n in order[within * size : (within + 1) * size]]

    def step(self, number: int) -> float:
        """One step, counted from 0; returns the loss a marked token."""
        import torch

        chosen = self.batch(number)
        marked = sum(len(example.marked) for example in chosen)
        total = 0.0
        for example in chosen:
            loss, _ = answer_loss(self.model, example)
            (loss / marked).backward()
            total += float(loss.detach())
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(number + 1, self.steps, self.recipe)
        torch.nn.utils.clip_grad_norm_(self.weights, self.recipe.longest_gradient)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return total / marked


def _steps(run: _Run, checkpoint: Checkpoint, state: Progress) -> None:
    """Steps from where the state is, with checks and checkpoints; the state is changed."""
    checks = check_steps(len(run.examples), run.recipe)
    began, before = time.process_time(), state.processor_s
    losses: list[float] = []
    while state.step < run.steps and not should_stop(state.course, run.recipe.patience):
        losses.append(run.step(state.step))
        state.step += 1
        run.told(state.step, run.steps, losses[-1])
        if state.step not in checks:
            continue
        held_out = mean_loss(run.model, run.held_out)
        trained = float(np.mean(losses))
        state.course.append(LossPoint(step=state.step, held_out=held_out, trained=trained))
        losses.clear()
        if best_point(state.course).step == state.step:
            state.best = lora_state(run.model)
        state.processor_s = before + time.process_time() - began
        checkpoint.save(state, run.model, run.optimiser)
