"""What a model thinks of its own answers: the probability of "yes" against "no" behind a question.

S. Kadavath et al., Language Models (Mostly) Know What They Know (2022), arXiv 2207.05221: P(True),
read from the model's next token and not from anything it writes. Not every engine can tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import Engine, Priority, RisingPriority
from prompts.prompt import Message

__all__ = ["Evaluating", "Evaluation", "EvaluationRequest", "evaluate"]


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Conversations that each end with a question to the model, at least one; all begin alike.

    `affirmative` and `negative` are spellings of the two answers. The other fields are those of a
    `GenerationRequest`.
    """

    conversations: tuple[tuple[Message, ...], ...]
    affirmative: tuple[str, ...]
    negative: tuple[str, ...]
    deadline_s: float = 10.0
    priority: Priority = Priority.OPEN_CHART
    rising: RisingPriority | None = field(default=None, repr=False, compare=False)
    flow: tuple[str, str] = field(default=("", ""), repr=False, compare=False)

    @property
    def priority_now(self) -> Priority:
        """The priority that it has by now."""
        return self.priority if self.rising is None else self.rising.value

    @property
    def observe(self) -> Callable[..., None] | None:
        """Nothing of it can be watched."""
        return None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model's probability of the affirmative answer, of the two, for each conversation; None
    where it cannot be told. Tokens are those of all, what they have in common once."""

    model: ModelIdentity
    shares: tuple[float | None, ...]
    tokens_prompt: int = 0
    tokens_reused: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class Evaluating(Protocol):
    """An engine that can tell it."""

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        """What each of its models thinks, those left out that cannot tell. Cancelling the task
        cancels the work. Raises EngineError, DeadlinePassed when the time runs out."""


async def evaluate(engine: Engine, request: EvaluationRequest) -> tuple[Evaluation, ...]:
    """The same of any engine: nothing of one that cannot tell."""
    return await engine.evaluate(request) if isinstance(engine, Evaluating) else ()
