"""The busiest hour, simulated: hooks come, questions wait and run, answers are in time or not."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import simpy
from numpy import random as numpy_random

from cds_hooks.inference.engine import Priority
from cds_hooks.planning.demand import Demand, Rules
from cds_hooks.planning.engines import EngineModel, Question
from cds_hooks.planning.speeds import Speed

__all__ = ["Arrival", "Run", "arrivals", "run", "simulate"]

# As in `app.middleware.in_flight`: past this share of the open calls rules answer alone.
_SHEDS_FROM = 0.75


Steps: TypeAlias = Generator[simpy.Event, None, None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A hook at a second of the simulation; `question` is prompt tokens and answer steps, None
    where the store has the answer; `flow` stands for the client and the tenant that ask."""

    at: float
    question: tuple[float, float] | None
    priority: Priority = Priority.OPEN_CHART
    flow: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Run:
    """What became of one simulated hour. Lists are of questions and hooks that came within it."""

    seconds: float
    questions: list[Question] = field(default_factory=list)
    hook_s: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    busy: float = 0.0

    @property
    def waits_s(self) -> list[float]:
        """Of open charts' questions: from when it was asked to when an engine began, or to when it
        was given up."""
        asked = (q for q in self.questions if q.priority == Priority.OPEN_CHART)
        kept = (q for q in asked if q.outcome not in ("", "overloaded"))
        return [(q.began if q.began >= 0 else q.ended) - q.arrived for q in kept]

    @property
    def answers_s(self) -> list[float]:
        """Of questions that were answered: from when it was asked to the answer."""
        return [q.ended - q.arrived for q in self.questions if q.outcome == "answered"]

    @property
    def answered_a_second(self) -> float:
        """Questions that the engines answered a second, by those that came in the hour."""
        return len(self.answers_s) / self.seconds


def simulate(
    demand: Demand,
    speed: Speed,
    engines: int,
    rules: Rules,
    *,
    seed: int = 1,
    replications: int = 20,
    hour_s: float = 3600.0,
    warm_up_s: float = 600.0,
) -> list[Run]:
    """The busiest hour, again and again, each from a seed of its own that follows from `seed`."""
    runs = []
    for child in numpy_random.SeedSequence(seed).spawn(replications):
        random = numpy_random.default_rng(child)
        came = arrivals(demand, warm_up_s + hour_s, random)
        runs.append(run(came, demand.samples, speed, engines, rules, warm_up_s, hour_s))
    return runs


def arrivals(demand: Demand, seconds: float, random: numpy_random.Generator) -> list[Arrival]:
    """Hooks of the busiest hour at times that are independent of each other (Poisson)."""
    came = [
        _arrival(demand, at, random, stored=demand.stored)
        for at in _times(demand.opens_an_hour, seconds, random)
    ]
    behind = [
        _arrival(demand, at, random, stored=0.0, priority=Priority.BACKGROUND)
        for at in _times(demand.background, seconds, random)
    ]
    return sorted([*came, *behind], key=lambda each: each.at)


def _times(an_hour: float, seconds: float, random: numpy_random.Generator) -> list[float]:
    count = random.poisson(an_hour * seconds / 3600)
    return sorted(random.uniform(0, seconds, count).tolist())


def _arrival(
    demand: Demand,
    at: float,
    random: numpy_random.Generator,
    *,
    stored: float,
    priority: Priority = Priority.OPEN_CHART,
) -> Arrival:
    question = (demand.prompt.draw(random), demand.answer.draw(random))
    return Arrival(at, None if random.random() < stored else question, priority)


def run(
    came: Sequence[Arrival],
    samples: int,
    speed: Speed,
    engines: int,
    rules: Rules,
    warm_up_s: float = 0.0,
    seconds: float = 0.0,
) -> Run:
    """One run with given arrivals; what came before `warm_up_s` is not counted. `seconds` 0: as
    long as hooks come."""
    env = simpy.Environment()
    seconds = seconds or max((each.at for each in came), default=0.0) or 1.0
    service = _Service(env, rules, [EngineModel(env, speed, rules) for _ in range(engines)])
    found = Run(seconds)
    for each in came:
        env.process(service.hook(each, samples, found if each.at >= warm_up_s else Run(0.0)))
    env.process(_look(env, service.engines, found, warm_up_s, warm_up_s + seconds))
    env.run(warm_up_s + seconds + rules.deadline_s + rules.answer_within_s)
    return found


def _look(
    env: simpy.Environment, engines: Sequence[EngineModel], found: Run, since: float, until: float
) -> Steps:
    """Write down each second how many questions wait, and at the end how busy engines were."""
    yield env.timeout(since)
    before = sum(each.busy_s for each in engines)
    while env.now < until:
        found.queued.append(sum(len(each.waiting) for each in engines))
        yield env.timeout(1.0)
    found.busy = (sum(each.busy_s for each in engines) - before) / len(engines) / (until - since)


@dataclass(slots=True)
class _Service:
    """The service process: open calls, deadlines, and the engine that has least to do."""

    env: simpy.Environment
    rules: Rules
    engines: list[EngineModel]
    open_calls: int = 0

    def hook(self, came: Arrival, samples: int, found: Run) -> Steps:
        """One hook from its call to its cards; work goes on behind them."""
        yield self.env.timeout(came.at)
        waits = came.priority == Priority.OPEN_CHART
        self.open_calls += waits
        told = yield from self._cards(came, samples, found, waits)
        self.open_calls -= waits
        if waits:
            found.hook_s.append(self.env.now - came.at)
            found.told.append(told)

    def _cards(
        self, came: Arrival, samples: int, found: Run, waits: bool
    ) -> Generator[simpy.Event, None, str]:
        if self.open_calls > self.rules.open_calls:
            return "refused"
        sheds = self.open_calls > _SHEDS_FROM * self.rules.open_calls
        yield self.env.timeout(self.rules.prepare_s)
        if came.question is None:
            return "stored"
        if sheds:
            return "overloaded"
        question = self._ask(came, came.question, samples, found)
        if waits:
            left = max(self.rules.answer_within_s - self.rules.prepare_s, 0.0)
            yield question.done | self.env.timeout(left)
        return question.outcome or "later"

    def _ask(self, came: Arrival, size: tuple[float, float], samples: int, found: Run) -> Question:
        now, prompt, steps = self.env.now, *size
        question = Question(
            now, now + self.rules.deadline_s, prompt, steps, samples, self.env.event(),
            int(came.priority), came.flow,
        )  # fmt: skip
        found.questions.append(question)
        engine = min(self.engines, key=lambda each: each.load)
        engine.submit(question)
        self.env.process(self._expire(engine, question))
        return question

    def _expire(self, engine: EngineModel, question: Question) -> Steps:
        yield question.done | self.env.timeout(self.rules.deadline_s)
        engine.expire(question)
