"""Waiting for a model: as long as it works, however slow the machine is.

How long an answer takes cannot be foreseen on a machine that does other things. Whether the engine
is at work can be seen: the kernel counts the processor time that it was given.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cds_hooks.cli.outcomes import NotAnswered

__all__ = ["Patience", "descendants_seconds"]

# Ours: a machine that does fifty other things still gives a process two seconds of these.
_WINDOW_S = 120.0
_LEAST_S = 0.2
_LOOK_S = 1.0
_PROC = Path("/proc")
_TICKS_PER_S = 100  # USER_HZ of every Linux architecture that llama.cpp is built for


@dataclass(slots=True)
class Patience:
    """`require` raises when a wait is over: past `limit_s` (0: no limit), or when what `worked`
    counts (seconds of processor time; None: unknown) has stood still for two minutes."""

    limit_s: float
    worked: Callable[[], float | None]
    clock: Callable[[], float] = time.monotonic
    _began: float = 0.0
    _seen: deque[tuple[float, float]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def watch(self, worked: Callable[[], float | None]) -> None:
        """From now on somebody else's work counts; the limit stays."""
        self.worked = worked
        self._seen.clear()

    @property
    def waited_s(self) -> float:
        """Since the beginning."""
        return self.clock() - self._began

    @property
    def worked_s(self) -> float | None:
        """Processor time that the engine had, when it was last looked at."""
        return self._seen[-1][1] if self._seen else None

    def require(self, what: str) -> None:
        """Raise NotAnswered (`wait-over`, `engine-stuck`) when there is nothing to wait for."""
        self._look()
        if self.limit_s and self.waited_s > self.limit_s:
            worked = self.worked_s
            used = "" if worked is None else f" and had {worked:.0f} s of processor time"
            hint = f"The engine was at work{used}; give a longer --wait, or none."
            raise NotAnswered("wait-over", f"--wait was over while {what}", hint=hint)
        since, before = self._seen[0] if self._seen else (self.clock(), 0.0)
        stood_still = self._seen and self._seen[-1][1] - before < _LEAST_S
        if stood_still and self._seen[-1][0] - since >= _WINDOW_S:
            hint = "It waits for something that does not come: see the log."
            message = f"while {what}, the engine did nothing for {_WINDOW_S:.0f} s"
            raise NotAnswered("engine-stuck", message, hint=hint)

    def told(self) -> str:
        """How long it took so far, for a person who waits."""
        return f"{self.waited_s:.0f} s{self._had()}"

    def _had(self) -> str:
        worked = self.worked_s
        return "" if worked is None else f", of which {worked:.0f} s of processor time"

    def _look(self) -> None:
        """Look once a second; keep what was seen in the last two minutes."""
        now = self.clock()
        if self._seen and now - self._seen[-1][0] < _LOOK_S:
            return
        worked = self.worked()
        if worked is None:
            self._seen.clear()
            return
        self._seen.append((now, worked))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _WINDOW_S:
            self._seen.popleft()


def descendants_seconds(pid: int, proc: Path = _PROC, *, and_own: bool = False) -> float | None:
    """Seconds of processor time of all that a process started, ended children included, and its own
    where that is asked for; None where the kernel does not tell (proc(5), `/proc/pid/stat`)."""
    children: dict[int, list[tuple[int, float]]] = {}
    itself = 0.0
    for place in proc.glob("[0-9]*/stat"):
        try:
            fields = place.read_text("utf-8", "replace").rpartition(")")[2].split()
            parent, own, ended = int(fields[1]), _seconds(fields, 11), _seconds(fields, 13)
        except (OSError, IndexError, ValueError):  # it ended while it was looked at
            continue
        number = int(place.parent.name)
        children.setdefault(parent, []).append((number, own + ended))
        if number == pid:
            itself = ended + (own if and_own else 0.0)
    if not children:
        return None
    return itself + _below(pid, children)


def _seconds(fields: list[str], at: int) -> float:
    """User and system time, which follow each other."""
    return (int(fields[at]) + int(fields[at + 1])) / _TICKS_PER_S


def _below(pid: int, children: dict[int, list[tuple[int, float]]]) -> float:
    return sum(worked + _below(child, children) for child, worked in children.get(pid, ()))
