"""One engine in simulated time: its queue, and requests that share its batches.

What runs shares each step as in the engine process: one token for each sequence that is decoded,
and what is left of the batch for the prompt that came first. Between two events these rates do not
change, so no step is simulated by itself.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from math import inf

import simpy

from cds_hooks.inference.fair_queue import FairQueue, gives_way
from cds_hooks.planning.demand import Rules
from cds_hooks.planning.speeds import Speed

__all__ = ["EngineModel", "Question"]

_NOTHING = 1e-6  # of a token


@dataclass(slots=True, eq=False)
class Question:
    """A question for the model: tokens of its prompt and steps of its answer that are left, and
    what becomes of it. Times are seconds of the simulation, -1 for what has not happened."""

    arrived: float
    deadline: float
    prompt: float
    steps: float
    samples: int
    done: simpy.Event
    priority: int = 0
    flow: tuple[int, int] = (0, 0)
    began: float = -1.0
    ended: float = -1.0
    outcome: str = ""

    def finish(self) -> None:
        """Have no more of the prompt to do, or of the answer."""
        if self.prompt > _NOTHING:
            self.prompt = 0.0
        else:
            self.steps = 0.0

    def end(self, outcome: str, now: float) -> None:
        """Note what became of it, once."""
        if not self.outcome:
            self.outcome, self.ended = outcome, now
            self.done.succeed()


@dataclass(frozen=True, slots=True)
class _Pace:
    """Steps and tokens of the `first` prompt a second, until the next event."""

    steps: float
    tokens: float = 0.0
    first: Question | None = None

    def seconds(self, question: Question) -> float:
        """Until a question's prompt, or its answer, is done."""
        if question is self.first:
            return question.prompt / self.tokens
        decodes = question.prompt <= _NOTHING and self.steps
        return question.steps / self.steps if decodes else inf


@dataclass(slots=True)
class EngineModel:
    """An engine of a speed under the bounds of the service."""

    env: simpy.Environment
    speed: Speed
    rules: Rules
    waiting: FairQueue[Question] = field(default_factory=FairQueue)
    running: list[Question] = field(default_factory=list)
    busy_s: float = 0.0
    _wake: simpy.Event = field(init=False)

    def __post_init__(self) -> None:
        self._wake = self.env.event()
        self.env.process(self._run())

    @property
    def load(self) -> int:
        """Questions that run or wait."""
        return len(self.waiting) + len(self.running)

    def submit(self, question: Question) -> None:
        """Take a question; where the queue is full, it or another is refused."""
        if self.load >= self.rules.parallel + self.rules.queue:
            victim = gives_way(self.waiting, question, self.env.now)
            if victim is None:
                question.end("overloaded", self.env.now)
                return
            self.waiting.remove(victim)
            victim.end("overloaded", self.env.now)
        self.waiting.add(question)
        self._awake()

    def expire(self, question: Question) -> None:
        """End a question whose deadline has passed, wherever it is."""
        if question.outcome:
            return
        if question in self.running:
            self.running.remove(question)
        else:
            self.waiting.remove(question)
        question.end("deadline", self.env.now)
        self._awake()

    def _awake(self) -> None:
        if not self._wake.triggered:
            self._wake.succeed()

    def _run(self) -> Generator[simpy.Event, None, None]:
        while True:
            self._admit()
            self._wake = self.env.event()
            if not self.running:
                yield self._wake
                continue
            began, pace = self.env.now, self._pace()
            next_done = min(self.running, key=pace.seconds)
            passed = self.env.timeout(pace.seconds(next_done))
            yield passed | self._wake
            self._advance(pace, self.env.now - began, next_done if passed.processed else None)
            self.busy_s += self.env.now - began

    def _admit(self) -> None:
        while len(self.running) < self.rules.parallel:
            question = self.waiting.first(self.env.now)
            if question is None:
                return
            self.waiting.begin(question)
            question.began = self.env.now
            self.running.append(question)

    def _pace(self) -> _Pace:
        decoding = sum(each.samples for each in self.running if each.prompt <= _NOTHING)
        first = next((each for each in self.running if each.prompt > _NOTHING), None)
        if first is None:
            return _Pace(1 / self.speed.step_s(decoding))
        if not decoding:
            return _Pace(0.0, self.speed.prompt_per_s, first)
        piece = min(max(self.speed.batch - decoding, 1), first.prompt)
        step_s = self.speed.step_s(decoding) + piece / self.speed.prompt_per_s
        return _Pace(1 / step_s, piece / step_s, first)

    def _advance(self, pace: _Pace, elapsed: float, done: Question | None) -> None:
        """What was done in so many seconds; `done` is done whatever the rounding of times."""
        for question in list(self.running):
            if question is done:
                question.finish()
            elif question is pace.first:
                question.prompt = max(question.prompt - pace.tokens * elapsed, 0.0)
            elif question.prompt <= _NOTHING:
                question.steps -= pace.steps * elapsed
            if question.steps <= _NOTHING:
                self.running.remove(question)
                question.end("answered", self.env.now)
