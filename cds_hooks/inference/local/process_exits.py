"""How an engine process ended, in words: the signal's name, when, on which processor, what to try.

Pure: an exit status and a stage in, a `ProcessExit` out. The words are data (`process_exits.toml`).
"""

from __future__ import annotations

import signal
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

__all__ = ["CODES", "ProcessExit", "Stage", "process_exit", "signal_name"]


class Stage(StrEnum):
    """What an engine process was doing."""

    LOADING = "loading"
    FIRST_DECODE = "first-decode"
    REQUEST = "request"
    IDLE = "idle"


CODES = {
    Stage.LOADING: "engine-died-loading",
    Stage.FIRST_DECODE: "engine-died-first-decode",
    Stage.REQUEST: "engine-died-on-request",
    Stage.IDLE: "engine-died",
}
"""The stable code of an end at each stage."""


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """`signal` is its name or empty; `native`: native code brought it upon itself.

    `message` says what happened without what to do, which is `hint`.
    """

    stage: Stage
    signal: str
    native: bool
    message: str
    hint: str

    @property
    def code(self) -> str:
        """The stable code."""
        return CODES[self.stage]

    @property
    def says(self) -> str:
        """All of it in one line."""
        return f"{self.message}. {self.hint}"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Signal(_Data):
    native: bool
    means: str
    hint: str


class _Known(_Data):
    signals: frozenset[str]
    stages: frozenset[Stage]
    features: frozenset[str]
    hint: str


class _Hint(_Data):
    hint: str


class _Words(_Data):
    version: str
    signals: dict[str, _Signal]
    without_signal: _Hint
    known: tuple[_Known, ...]
    stages: dict[Stage, str]


@cache
def _words() -> _Words:
    raw = files(__package__).joinpath("process_exits.toml").read_text("utf-8")
    return _Words.model_validate(tomllib.loads(raw))


def signal_name(status: int | None) -> str:
    """`SIGSEGV` for the exit status -11, as Python gives it; empty when no signal ended it."""
    if status is None or status >= 0:
        return ""
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def process_exit(
    stage: Stage, status: int | None, features: Sequence[str], *, why: str = ""
) -> ProcessExit:
    """An end at a stage by an exit status. `why` is what the service itself ended it for, if it
    did: then the signal was the service's own and tells nothing."""
    words = _words()
    name = "" if why else signal_name(status)
    known = words.signals.get(name, words.signals["other"]) if name else None
    how = f"by {name} ({known.means})" if known else f"({why or f'exit status {status}'})"
    processor = f"; processor: {' '.join(features)}" if name and features else ""
    message = f"The engine process ended {how} {words.stages[stage]}{processor}"
    hint = known.hint if known else words.without_signal.hint
    for special in words.known:
        applies = name in special.signals and stage in special.stages
        if applies and special.features <= set(features):
            hint = special.hint
    return ProcessExit(stage, name, known is not None and known.native, message, hint)
