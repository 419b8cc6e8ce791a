"""Waiting for a model: through every change, and no longer than something may yet happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from cds_hooks.inference.engine import EngineState, EngineUnavailable
from cds_hooks.runtime import Runtime

LOADING = EngineState("loading")
DOWN = EngineState("restarting", restarts=1, detail="engine-died-first-decode")
READY = EngineState("ready", restarts=1)
FAILED = EngineState("failed", restarts=2, detail="engine-died-first-decode")


@dataclass
class Engine:
    """One whose state is the next of a list each time it is looked at; the last one stays."""

    states: list[EngineState]
    trouble: str = "The engine process ended by SIGSEGV."
    looked: int = field(default=0)

    @property
    def state(self) -> EngineState:
        self.looked += 1
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


class Libraries:
    """A check of libraries that has passed."""

    trouble = ""

    def require(self) -> None:
        pass


def runtime(engine: Any) -> Runtime:
    one = Runtime.__new__(Runtime)
    one.engine = engine
    one.libraries = Libraries()  # type: ignore[assignment]
    return one


async def test_an_engine_that_goes_down_its_ladder_is_waited_for() -> None:
    engine = Engine([LOADING, LOADING, DOWN, DOWN, LOADING, READY])
    await runtime(engine).until_ready()
    assert engine.states == [READY]


async def test_an_engine_that_has_failed_ends_the_wait_at_once_with_its_cause() -> None:
    with pytest.raises(EngineUnavailable) as caught:
        await runtime(Engine([LOADING, DOWN, FAILED])).until_ready()
    assert caught.value.where == "engine-died-first-decode"
    assert caught.value.hint == "The engine process ended by SIGSEGV."
    assert caught.value.status >= 500  # exit code 1


async def test_an_engine_to_which_nothing_happens_is_not_called_unloadable() -> None:
    with pytest.raises(EngineUnavailable, match="nothing happened for 0 s") as caught:
        await runtime(Engine([LOADING], trouble="")).until_ready(0)
    assert caught.value.where == "loading"
