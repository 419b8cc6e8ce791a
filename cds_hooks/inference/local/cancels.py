"""Cancelling in the engine process, which is killed when it does not let go in time."""

from __future__ import annotations

import asyncio
import logging
import time

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.process import WorkerProcess

__all__ = ["Cancels"]

_log = logging.getLogger(__name__)


class Cancels:
    """Requests that were cancelled and that the process has not let go yet."""

    def __init__(self, config: LlamaConfig) -> None:
        self._config = config
        self._pending: dict[int, asyncio.TimerHandle] = {}

    def __bool__(self) -> bool:
        return bool(self._pending)

    def cancel(self, process: WorkerProcess, number: int) -> None:
        """Tell the process to let a request go, and watch that it does."""
        process.send({"op": "cancel", "id": number})
        self._look_after(process, number, time.monotonic(), self._config.grace_s)

    def done(self, number: int) -> None:
        """The process has let it go."""
        if (timer := self._pending.pop(number, None)) is not None:
            timer.cancel()

    def forget(self) -> None:
        """The process has ended."""
        for timer in self._pending.values():
            timer.cancel()
        self._pending.clear()

    def _look_after(
        self, process: WorkerProcess, number: int, since: float, after_s: float
    ) -> None:
        later = asyncio.get_running_loop().call_later
        self._pending[number] = later(after_s, self._still_there, process, number, since)

    def _still_there(self, process: WorkerProcess, number: int, since: float) -> None:
        """A cancelled request that is still there: one decode of a large model takes its time on a
        slow machine, but a process that works says so."""
        left = self._config.patience_s(time.monotonic(), heard_at=process.heard_at, since=since)
        if left > 0:
            self._look_after(process, number, since, left)
            return
        _log.error("the engine process does not obey and is killed")
        process.kill("it did not let go of a cancelled request")
