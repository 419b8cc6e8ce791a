"""How many engines: arithmetic for the least that can keep up, simulation for one that waits little
enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from cds_hooks.planning.demand import Demand, Rules
from cds_hooks.planning.figures import Figure, figures
from cds_hooks.planning.simulation import Run, simulate
from cds_hooks.planning.speeds import Speed

__all__ = ["Aim", "Capacity", "Plan", "capacity", "plan"]

_MOST = 64


@dataclass(frozen=True, slots=True)
class Aim:
    """What is little enough: 95 of 100 questions wait at most `wait_s`, and at most a share `shed`
    of hooks goes without the model or gets no answer by the deadline."""

    wait_s: float = 10.0
    shed: float = 0.001


@dataclass(frozen=True, slots=True)
class Capacity:
    """Without any queue: questions an hour that one engine answers while all its places are taken,
    seconds of a question alone, and engines that are busy in the busiest hour (erlangs)."""

    an_hour: float
    alone_s: float
    engines: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The arithmetic, and the simulation of `engines`; `enough` says whether the aim is met."""

    capacity: Capacity
    engines: int
    enough: bool
    figures: dict[str, Figure]
    runs: list[Run]


def capacity(demand: Demand, speed: Speed, rules: Rules) -> Capacity:
    """In the time in which `parallel` answers are decoded side by side, as many prompts are
    evaluated."""
    prompt_s = demand.prompt.mean / speed.prompt_per_s
    steps_s = demand.answer.mean * speed.step_s(rules.parallel * demand.samples)
    an_hour = 3600 * rules.parallel / (steps_s + rules.parallel * prompt_s)
    alone_s = prompt_s + demand.answer.mean * speed.step_s(demand.samples)
    return Capacity(an_hour, alone_s, demand.questions_an_hour / an_hour)


def plan(
    demand: Demand,
    speed: Speed,
    rules: Rules,
    *,
    engines: int = 0,
    aim: Aim | None = None,
    seed: int = 1,
    replications: int = 20,
    told: Callable[[int], object] = lambda _: None,
) -> Plan:
    """A plan of so many engines; 0: of the fewest that meet the aim, at most 64.

    `told` hears how many are being simulated.
    """
    aim, needed = aim or Aim(), capacity(demand, speed, rules)
    tried = [engines] if engines else range(min(max(ceil(needed.engines), 1), _MOST), _MOST + 1)
    for count in tried:
        told(count)
        runs = simulate(demand, speed, count, rules, seed=seed, replications=replications)
        found = Plan(needed, count, False, figures(runs), runs)
        if _meets(found, aim):
            return Plan(needed, count, True, found.figures, runs)
    return found


def _meets(found: Plan, aim: Aim) -> bool:
    told = found.figures
    lost = told["hooks_shed"].mean + told["questions_late"].mean
    return told["wait_p95_s"].mean <= aim.wait_s and lost <= aim.shed
