"""Asking a model again: a question as it was recorded, or as today's template makes it."""

from __future__ import annotations

import prompts
from cds_hooks.consultation import Consultation, Sampling
from cds_hooks.inference.engine import Engine, EngineError, Generation, GenerationRequest
from cds_hooks.replay.today import Today
from prompts import Prompt

__all__ = ["ask", "rendered", "same_question"]


async def ask(engine: Engine, prompt: Prompt, sampling: Sampling, deadline_s: float) -> Generation:
    """What the model writes, alone in the engine: what runs beside moves the last bits of a
    logit. Raises EngineError."""
    return await engine.generate(
        GenerationRequest(
            messages=prompt.messages,
            schema=prompt.schema,
            samples=sampling.samples,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            seed=sampling.seed,
            deadline_s=deadline_s,
            names=sampling.names,
            exclusive=True,
        )
    )


async def rendered(done: Consultation, today: Today, engine: Engine) -> Prompt:
    """The chart by today's template, counted by today's model. Raises EngineError."""
    layout = prompts.lay_out(done.chart, today.template)
    return prompts.render(layout, await engine.count_tokens(layout.texts))


def same_question(one: Prompt | None, two: Prompt) -> bool:
    """Whether a model would read the same words and may write the same ones."""
    return one is not None and (one.messages, one.schema) == (two.messages, two.schema)


def unusable(error: EngineError) -> str:
    """Why there is no answer, in one line."""
    return f"the model gave no answer ({error.code}: {error.message})"
