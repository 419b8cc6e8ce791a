"""The simulation beside the engine process's own scheduler, whose time is made up by its steps.

The scheduler, its queue and its batches are the real ones; only `llama_decode` is a double: it
takes as long as the speeds say, on a clock of its own. No machine is fast or slow here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cds_hooks.inference.worker import scheduler as real
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch
from cds_hooks.planning.demand import Demand, Rules, Spread
from cds_hooks.planning.simulation import Arrival, Run, arrivals, run
from cds_hooks.planning.speeds import Speed, speeds

SAMPLES, BATCH = 3, 256
RULES = Rules(parallel=2, queue=16, prepare_s=0.0, open_calls=10**6)
SPEED = speeds()["mistral-7b-rtx-4090"].model_copy(
    update={"prompt_per_s": 900.0, "step_ms": {3: 40.0, 6: 62.0}, "batch": BATCH}
)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Context:
    """`llama_decode` that takes its time on the clock; the batch counts what is put into it."""

    clock: Clock
    speed: Speed
    cells: int = 10**9
    longest: int = 10**6
    pieces: list[int] = field(default_factory=list)
    size: Any = field(default_factory=lambda: SimpleNamespace(sequences=RULES.parallel * SAMPLES))

    @property
    def batch(self) -> Context:
        return self

    @property
    def used(self) -> int:
        return sum(self.pieces)

    @property
    def free(self) -> int:
        return BATCH - self.used

    def clear(self) -> None:
        self.pieces.clear()

    def add(self, tokens: list[int], **_: Any) -> None:
        self.pieces.append(len(tokens))

    def decode(self) -> None:
        sequences = sum(piece == 1 for piece in self.pieces)
        prompt = sum(piece for piece in self.pieces if piece > 1)
        steps_s = self.speed.step_s(sequences) if sequences else 0.0
        self.clock.now += steps_s + prompt / self.speed.prompt_per_s

    def logits(self, _row: int) -> None:
        return


@dataclass(eq=False)
class Job:
    """A question of so many prompt tokens and steps, as the scheduler sees it."""

    id: int
    arrived: float
    question: tuple[float, float]
    clock: Clock
    priority: int = 0
    flow: tuple[int, int] = (0, 0)
    exclusive: bool = False
    tell: bool = False
    began: float = -1.0
    ended: bool = False

    @property
    def deadline(self) -> float:
        return self.arrived + RULES.deadline_s

    def sequences(self, _names: Any) -> int:
        return SAMPLES

    def cells(self, _thinking: Any) -> int:
        return 0

    longest = cells

    def mark(self, _stage: str) -> None:
        self.began = self.clock.now

    def run(self, _tools: Any) -> Iterator[list[TokenBatch]]:
        prompt, steps = map(round, self.question)
        yield [TokenBatch(0, 0, [1] * prompt)]
        for _ in range(steps):
            yield [TokenBatch(sequence, 0, [1]) for sequence in range(SAMPLES)]

    def done(self) -> dict[str, Any]:
        self.ended = True
        return {}


class Pool:
    """Sequences that no running job has."""

    scheduler: Any = None

    def __len__(self) -> int:
        return SAMPLES * (RULES.parallel - len(self.scheduler.running))


def scheduled(came: list[Arrival]) -> tuple[list[float], int, float]:
    """Waits, answers, and the seconds until all is done, by the engine process's scheduler."""
    clock, pool = Clock(), Pool()
    prefixes = SimpleNamespace(sequences=0, shrink=lambda *_: None)
    tools: Any = SimpleNamespace(
        context=Context(clock, SPEED), names=None, thinking=None, pool=pool, prefixes=prefixes
    )
    engine = real.Scheduler(tools, clock, lambda _frame: None)
    pool.scheduler = engine
    coming = [Job(n, each.at, each.question or (1, 1), clock) for n, each in enumerate(came)]
    begun: list[Job] = []
    while coming or not engine.idle:
        if engine.idle:
            clock.now = max(clock.now, coming[0].arrived)
        while coming and coming[0].arrived <= clock.now:
            job = coming.pop(0)
            if len(engine.waiting) + len(engine.running) < RULES.parallel + RULES.queue:
                engine.submit(job)
                begun.append(job)
        engine.step()
    ended = sum(job.ended for job in begun)
    return [job.began - job.arrived for job in begun if job.began >= 0], ended, clock.now


def simulated(came: list[Arrival]) -> tuple[list[float], int, float]:
    done: Run = run(came, SAMPLES, SPEED, 1, RULES)
    ends = [each.ended for each in done.questions if each.outcome == "answered"]
    return done.waits_s, len(ends), max(ends)


@pytest.mark.parametrize("load", [0.5, 0.8, 2.0])
def test_throughput_and_waits_are_those_of_the_scheduler(load: float) -> None:
    each_s = (60 * 0.062 + 2 * 400 / 900) / 2
    demand = Demand(24 * 3600 * load / each_s, 1 / 24, 0.0, Spread(400), Spread(60), SAMPLES)
    came = arrivals(demand, 150 * each_s / load, np.random.default_rng(7))
    waits, answers, seconds = scheduled(came)
    told, answered, until = simulated(came)
    assert answered / until == pytest.approx(answers / seconds, rel=0.03)
    assert np.percentile(told, 95) == pytest.approx(np.percentile(waits, 95), rel=0.05, abs=0.1)
    assert answered == pytest.approx(answers, abs=2)
