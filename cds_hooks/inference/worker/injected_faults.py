"""Faults that tests switch on: the process kills itself by a real signal at a given point.

`STAGE:SIGNAL` or `STAGE:SIGNAL:WHILE`, such as `decode:SIGSEGV:extra-buffers`. Stages are `load`,
`decode` (the first one) and `request`. WHILE is `extra-buffers` (only while llama.cpp may repack
weights) or `own-library` (only with the installed libllama). The service takes no fault over under
the production profile, see `runtime/engines.py`.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Self

__all__ = ["VARIABLE", "InjectedFault"]

VARIABLE = "TEST_ENGINE_FAULT"
"""The environment variable from which commands and the demo profile take a fault."""

_STAGES = ("load", "decode", "request")
_WHILE = ("", "extra-buffers", "own-library")


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """Where and how to die; nowhere by default."""

    stage: str = ""
    signal: signal.Signals = signal.SIGSEGV

    @classmethod
    def of(cls, text: str, *, extra_buffers: bool, own_library: bool) -> Self:
        """The fault that a text names, for a process that was started so. Raises ValueError."""
        if not text:
            return cls()
        stage, name, condition = (*text.split(":"), "", "")[:3]
        if (
            stage not in _STAGES
            or condition not in _WHILE
            or name not in signal.Signals.__members__
        ):
            raise ValueError(f"a fault is STAGE:SIGNAL[:WHILE], such as decode:SIGSEGV, not {text}")
        holds = {"": True, "extra-buffers": extra_buffers, "own-library": own_library}
        return cls(stage, signal.Signals[name]) if holds[condition] else cls()

    def strike(self, stage: str) -> None:
        """End this process if this is where it shall end."""
        if stage == self.stage:
            signal.raise_signal(self.signal)
