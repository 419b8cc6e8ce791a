"""What is asked of the service, and what the service allows itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

from numpy.random import Generator

__all__ = ["Demand", "Rules", "Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Numbers of tokens: a mean, and a coefficient of variation of a log-normal distribution."""

    mean: float
    variation: float = 0.3

    def draw(self, random: Generator) -> float:
        """One number, at least 1."""
        if not self.variation:
            return max(self.mean, 1.0)
        square = log(1 + self.variation**2)
        return max(float(random.lognormal(log(self.mean) - square / 2, sqrt(square))), 1.0)


@dataclass(frozen=True, slots=True)
class Demand:
    """Charts that are opened. `peak_share` of a day's opens fall into its busiest hour, `stored` is
    the share that needs no work of a model (answered from the store, or joined), `background` the
    questions an hour of prewarm and of services that only start work."""

    opens_a_day: float
    peak_share: float
    stored: float
    prompt: Spread
    answer: Spread
    samples: int = 3
    background: float = 0.0

    @property
    def opens_an_hour(self) -> float:
        """In the busiest hour."""
        return self.opens_a_day * self.peak_share

    @property
    def questions_an_hour(self) -> float:
        """For the model, in the busiest hour."""
        return self.opens_an_hour * (1 - self.stored) + self.background


@dataclass(frozen=True, slots=True)
class Rules:
    """Bounds of the service, by default its settings' defaults; seconds. `prepare_s` is gathering,
    mapping, rules and cards. `queue` and `parallel` are of each engine."""

    answer_within_s: float = 1.5
    deadline_s: float = 120.0
    prepare_s: float = 0.2
    parallel: int = 2
    queue: int = 16
    open_calls: int = 64
