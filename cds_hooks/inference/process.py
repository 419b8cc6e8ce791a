"""The engine process as the service sees it: started, spoken to, and ended for sure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, TypeVar

from cds_hooks.inference.config import LlamaConfig
from cds_hooks.inference.frames import Decoder, FrameError, encode

__all__ = ["WorkerGone", "WorkerProcess"]

_log = logging.getLogger(__name__)
_PACKAGES = Path(__file__).resolve().parents[2]
_CHUNK = 1 << 16
_PATIENCE_S = 2.0
_LAST_LINES = 20
_Stream = TypeVar("_Stream")


class WorkerGone(Exception):
    """The engine process ended or cannot be understood; the text says how, without content."""


class WorkerProcess:
    """One life of the engine process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self.ready = False

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, config: LlamaConfig) -> AsyncIterator[WorkerProcess]:
        """A process that was told what to load; it has ended when the block is left."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-s", *config.program, str(os.getpid()),
            stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd="/", env=_environment(config),
        )  # fmt: skip
        worker = cls(process)
        listening = asyncio.create_task(worker._listen(), name="engine-stderr")
        try:
            worker.send(config.order())
            yield worker
        finally:
            await worker._end()
            await listening

    @property
    def pid(self) -> int:
        """The operating system's id of the process."""
        return self._process.pid

    def send(self, frame: dict[str, Any]) -> None:
        """Queue one frame for the process; a closed pipe shows when its frames end."""
        with contextlib.suppress(OSError, RuntimeError):
            _pipe(self._process.stdin).write(encode(frame))

    async def frames(self, load_s: float) -> AsyncIterator[dict[str, Any]]:
        """What the process says, until it ends. Raises WorkerGone at the end, always.

        Until `ready` is set, the next bytes must come within `load_s`.
        """
        decoder = Decoder()
        try:
            while chunk := await asyncio.wait_for(
                _pipe(self._process.stdout).read(_CHUNK), None if self.ready else load_s
            ):
                for frame in decoder.feed(chunk):
                    yield frame
        except TimeoutError:
            raise WorkerGone("the model did not load in time") from None
        except FrameError as error:
            raise WorkerGone(f"garbage on the pipe: {error}") from None
        status = await self._process.wait()
        raise WorkerGone(f"exit status {status}")

    def kill(self) -> None:
        """End the process without asking it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _end(self) -> None:
        """Close the pipe (the process ends by itself), then terminate, then kill."""
        _pipe(self._process.stdin).close()
        for ask in (self._process.terminate, self._process.kill):
            try:
                await asyncio.wait_for(self._process.wait(), _PATIENCE_S)
                return
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    ask()
        await self._process.wait()

    async def _listen(self) -> None:
        """Keep the last lines of standard error, and tell what of them is safe if it died.

        An exception's text could hold a piece of a prompt: its kind and its places are told.
        """
        while line := await _pipe(self._process.stderr).readline():
            self._last.append(line.decode("utf-8", "replace").rstrip()[:300])
        if await self._process.wait() > 0:
            _log.error("the engine process ended by itself: %s", told_of(self._last))


_KIND = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(Error|Exception|Interrupt|Exit)\b")
_PLACE = re.compile(r'File "[^"]*?([A-Za-z0-9_]+\.py)", line (\d+)')


def told_of(lines: Iterable[str]) -> str:
    """The kinds and places of exceptions in lines of a traceback, and nothing else of them."""
    told = []
    for line in lines:
        if place := _PLACE.search(line):
            told.append(f"{place[1]}:{place[2]}")
        elif kind := _KIND.match(line):
            told.append(kind[0])
    return " ".join(told) or "it left no traceback"


def _pipe(stream: _Stream | None) -> _Stream:
    if stream is None:
        raise WorkerGone("a pipe to the process is missing")
    return stream


def _environment(config: LlamaConfig) -> dict[str, str]:
    """What the process needs and nothing else; a crash prints no backtrace of memory.

    Threads that wait for each other give their processor up soon (GOMP_SPINCOUNT): with anything
    else running, two that only spin were measured six times slower.
    """
    kept = {name: os.environ[name] for name in config.environment if name in os.environ}
    return {
        "GOMP_SPINCOUNT": "1000",
        **kept,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_PACKAGES),
        "GGML_NO_BACKTRACE": "1",
    }
