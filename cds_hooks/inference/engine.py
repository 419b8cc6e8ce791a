"""The protocol every engine speaks: a prompt and a schema in, samples out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from cds_hooks.consultation import ModelIdentity
from cds_hooks.errors import ChartsideError
from prompts.prompt import Message

__all__ = [
    "DeadlinePassed",
    "Engine",
    "EngineError",
    "EngineEvent",
    "EngineState",
    "EngineUnavailable",
    "Generation",
    "GenerationRequest",
    "NameProbability",
    "Priority",
    "PromptTooLong",
    "QueueFull",
    "RisingPriority",
    "Sample",
    "SampleProgress",
    "UnusableAnswer",
]


class EngineError(ChartsideError):
    """The engine could not answer; `code` is the consultation's outcome code."""

    code = "engine-failed"
    status = 503
    issue = "transient"


class EngineUnavailable(EngineError):
    """The engine process is down or still loading."""

    code = "engine-unavailable"


class QueueFull(EngineError):
    """More work than the queue holds."""

    code = "overloaded"


class DeadlinePassed(EngineError):
    """The deadline came before the samples were complete."""

    code = "deadline"


class PromptTooLong(EngineError):
    """The prompt and the answer do not fit the context."""

    code = "prompt-too-long"


class UnusableAnswer(EngineError):
    """The model did answer, and not in a form that can be used; the same question would end so."""

    code = "invalid-output"


class Priority(IntEnum):
    """Which request is worked on first where several wait: the lowest number."""

    OPEN_CHART = 0
    BACKGROUND = 1


class RisingPriority:
    """The priority of a request that may rise while it waits, as somebody opens the chart that was
    only prepared. Not thread-safe; a request of several engines is watched by each of them."""

    def __init__(self, value: Priority) -> None:
        self.value = value
        self._watchers: list[Callable[[], None]] = []

    def rise(self, to: Priority) -> None:
        """Have at least this priority from now on; who watches is told of a change."""
        if to >= self.value:
            return
        self.value = to
        for risen in list(self._watchers):
            risen()

    @contextlib.contextmanager
    def watched(self, risen: Callable[[], None]) -> Iterator[None]:
        """Call `risen` for each change while the block runs."""
        self._watchers.append(risen)
        try:
            yield
        finally:
            self._watchers.remove(risen)


@dataclass(frozen=True, slots=True)
class SampleProgress:
    """A sample while it is decoded: all that it wrote so far, from its `number` (0 is the first)
    and its model's name. `finish` is empty while it goes on; `thinking` says that what it wrote so
    far is not its answer yet."""

    model: str
    number: int
    text: str
    finish: str = ""
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to generate. `schema` is the JSON Schema of the answer.

    `names` lists string positions of the schema that can only be terminology names, by the
    schema keyword `x-chartside-names` being true when this is True and the engine has a trie.
    `temperature` None is what the model's authors recommend. `deadline_s` is how long from now the
    whole request may take. `exclusive` asks for an empty engine and nothing beside: what other work
    leaves behind changes the last bits of a logit, and a replay must not depend on it. `priority`
    is whether somebody waits for it: what is only prepared, or measured, is for the background.
    `rising` is the same where it may change. `flow` is the client and the tenant that asked: they
    take turns.
    `observe` sees the samples while they are decoded, a few times a second; without it nothing is
    told and nothing is spent on telling. What is generated is the same.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any]
    samples: int = 1
    max_tokens: int = 512
    temperature: float | None = None
    seed: int = 0
    deadline_s: float = 60.0
    names: bool = False
    exclusive: bool = False
    priority: Priority = Priority.OPEN_CHART
    rising: RisingPriority | None = field(default=None, repr=False, compare=False)
    flow: tuple[str, str] = field(default=("", ""), repr=False, compare=False)
    observe: Callable[[SampleProgress], None] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def priority_now(self) -> Priority:
        """The priority that it has by now."""
        return self.priority if self.rising is None else self.rising.value


@dataclass(frozen=True, slots=True)
class NameProbability:
    """A name that a sample wrote along the terminology, and its natural logarithm of probability.

    It is the sum over `tokens` tokens, the end of the name counted as one, at temperature 1, of the
    model's whole vocabulary: not renormalised over the names that were allowed. A name that was
    found by the search has that of its whole concept, averaged over the leads; one that was drawn
    along the trie that of its own tokens where it stands.
    """

    name: str
    log_probability: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The raw text of one sequence; `finish` is `stop`, `length` or an error code.

    `thinking` is what a reasoning model wrote before its answer: kept, never shown on a card.
    `thinking_cut` says that its budget was used up and the thought was closed by force. `names` are
    those written along the terminology, in order: none of free text, nor of a model server.
    """

    text: str
    tokens: int
    finish: str = "stop"
    thinking: str = ""
    thinking_cut: bool = False
    names: tuple[NameProbability, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """Samples with what they cost; `timings_ms` has queue, prompt and decode."""

    samples: tuple[Sample, ...]
    model: ModelIdentity
    tokens_prompt: int = 0
    tokens_reused: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineState:
    """For /readyz and metrics: `status` is loading, ready, restarting or failed.

    `rung` is how a model on this machine is loaded (see `local/ladder.py`); empty for any other.
    """

    status: str
    queued: int = 0
    running: int = 0
    restarts: int = 0
    detail: str = ""
    rung: str = ""


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """What an audit wants to know of an engine: `engine-started` or `engine-out-of-service`.

    `number` grows from event to event of all engines of a process. `fields` are words and digests,
    of no request.
    """

    number: int
    type: str
    fields: Mapping[str, str]


class Engine(Protocol):
    """A language model on the hospital's own hardware."""

    @property
    def model(self) -> ModelIdentity: ...

    @property
    def state(self) -> EngineState: ...

    async def start(self) -> None:
        """Begin loading; returns at once, `state` tells when it is ready."""

    async def stop(self) -> None:
        """Cancel what runs and end whatever process belongs to the engine."""

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the model's own tokenizer. Raises EngineError."""

    async def generate(self, request: GenerationRequest) -> Generation:
        """Samples for a request. Cancelling the task cancels the work at the next token.

        Raises EngineError with the outcome's code.
        """
