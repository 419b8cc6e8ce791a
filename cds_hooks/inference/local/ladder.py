"""The ways to load a model, from the usual to the most careful, and when to give up.

Pure: told how engine processes ended, it returns what comes next.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.memory.context_size import Choice

__all__ = ["Ladder", "NextStep", "Rung", "on_rung", "rungs_of"]


class Rung(StrEnum):
    """How the model is loaded."""

    AS_CONFIGURED = "as-configured"
    WITHOUT_EXTRA_BUFFERS = "without-extra-buffers"
    PORTABLE = "portable-library"


class NextStep(StrEnum):
    """What comes after an engine process has ended."""

    AGAIN = "again"
    DOWN = "down"
    OUT = "out-of-service"


def rungs_of(config: LlamaConfig) -> tuple[Rung, ...]:
    """The rungs that there are: the portable library's only where it lies."""
    usual = (Rung.AS_CONFIGURED, Rung.WITHOUT_EXTRA_BUFFERS)
    portable = config.portable_library
    return (*usual, Rung.PORTABLE) if portable and portable.is_dir() else usual


def on_rung(config: LlamaConfig, rung: Rung) -> LlamaConfig:
    """The configuration of an engine process on a rung; each keeps what the one above gave up."""
    if rung is Rung.AS_CONFIGURED:
        return config
    library = config.portable_library if rung is Rung.PORTABLE else config.library
    return replace(config, extra_buffers=Choice.OFF, library=library, tune=())


class Ladder:
    """The rung an engine is on, and the next one. `clock` gives monotonic seconds.

    The bounds are the configuration's, and ours: three charts that failed one after the other are
    no accident, and six starts take the longest pauses twice, by when a machine that was short of
    memory for a moment has recovered.
    """

    def __init__(self, config: LlamaConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._rungs = rungs_of(config)
        self._clock = clock
        self._at = 0
        self._failed_loads = 0
        self._crashes: deque[float] = deque()

    @property
    def rung(self) -> Rung:
        """The present rung; an engine never goes up again."""
        return self._rungs[self._at]

    def on_ready(self) -> None:
        """The model was loaded and decoded on this rung."""
        self._failed_loads = 0

    def on_answer(self) -> None:
        """A request was answered."""
        self._crashes.clear()

    def on_failed_load(self, *, native: bool) -> NextStep:
        """A process ended before it was ready. Native code's own faults lead down at once."""
        if native:
            return self._down(self._at + 1)
        self._failed_loads += 1
        return NextStep.OUT if self._failed_loads >= self._config.failed_loads else NextStep.AGAIN

    def on_unusable_library(self) -> NextStep:
        """The library cannot be used: only a rung with another one may help."""
        other = Rung.PORTABLE in self._rungs[self._at + 1 :]
        return self._down(self._rungs.index(Rung.PORTABLE)) if other else NextStep.OUT

    def on_crash(self) -> NextStep:
        """A process ended on a request."""
        now = self._clock()
        self._crashes.append(now)
        while self._crashes[0] < now - self._config.crash_window_s:
            self._crashes.popleft()
        return NextStep.OUT if len(self._crashes) >= self._config.crashes else NextStep.AGAIN

    def _down(self, to: int) -> NextStep:
        if to >= len(self._rungs):
            return NextStep.OUT
        self._at, self._failed_loads = to, 0
        return NextStep.DOWN
