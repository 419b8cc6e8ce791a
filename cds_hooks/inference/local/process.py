"""The engine process as the service sees it: started, sent frames, and always ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.frames import Decoder, FrameError, encode

__all__ = ["WorkerGone", "WorkerProcess"]

_log = logging.getLogger(__name__)
_PACKAGES = Path(__file__).resolve().parents[3]
_CHUNK = 1 << 16
_PATIENCE_S = 2.0
_A_MOMENT_S = 0.1  # a timer may end a little early
_SILENT = "it was silent for too long: see model.load_silence_s"
_LONG = "it took too long: see model.load_s"
_LAST_LINES = 20
_ASKED_FOR = (0, -signal.SIGTERM, -signal.SIGKILL)
_Stream = TypeVar("_Stream")


class WorkerGone(Exception):
    """The engine process ended or cannot be understood; the text says how, without content.

    `status` is its exit status, negative for a signal, None where it was not waited for; `why` is
    set where the service itself ends it.
    """

    def __init__(self, told: str, *, status: int | None = None, why: str = "") -> None:
        super().__init__(told)
        self.status = status
        self.why = why


class WorkerProcess:
    """One run of the engine process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._ended_for = ""
        self.ready = False
        self.heard_at = time.monotonic()

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

    async def frames(self, config: LlamaConfig) -> AsyncIterator[dict[str, Any]]:
        """What the process says, until it ends. Raises WorkerGone at the end, always.

        Until `ready` is set, it must not be silent for `load_silence_s`, nor take `load_s`.
        """
        decoder = Decoder()
        ends = time.monotonic() + config.load_s
        try:
            while chunk := await self._chunk(min(config.load_silence_s, ends - time.monotonic())):
                self.heard_at = time.monotonic()
                for frame in decoder.feed(chunk):
                    yield frame
        except TimeoutError:
            why = _SILENT if ends - time.monotonic() > _A_MOMENT_S else _LONG
            raise WorkerGone("the model did not load in time", why=why) from None
        except FrameError as error:
            why = "what it wrote is not a frame"
            raise WorkerGone(f"garbage on the pipe: {error}", why=why) from None
        status = await self._process.wait()
        raise WorkerGone(f"exit status {status}", status=status, why=self._ended_for)

    async def _chunk(self, limit_s: float) -> bytes:
        """The next bytes, b"" at the end. Raises TimeoutError, but not of a model that is ready."""
        limit = None if self.ready else max(limit_s, 0.0)
        return await asyncio.wait_for(_pipe(self._process.stdout).read(_CHUNK), limit)

    def kill(self, why: str) -> None:
        """End the process without asking it."""
        self._ended_for = why
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _end(self) -> None:
        """Close the pipe (the process ends by itself), then kill: it ignores what asks it to."""
        _pipe(self._process.stdin).close()
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _listen(self) -> None:
        """Keep the last lines of standard error, and tell what of them is safe if it died.

        An exception's text could hold a piece of a prompt: its kind and its places are told.
        """
        while line := await _pipe(self._process.stderr).readline():
            self._last.append(line.decode("utf-8", "replace").rstrip()[:300])
        if await self._process.wait() not in _ASKED_FOR:
            _log.error("the engine process ended by itself, at: %s", safe_traceback(self._last))


_AT_FAULT, _OTHER_THREAD = "Current thread 0x", "Thread 0x"
_KIND = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(Error|Exception|Interrupt|Exit)\b")
_PLACE = re.compile(r'File "[^"]*?([A-Za-z0-9_]+\.py)", line (\d+)')
_NATIVE = re.compile(r"(?:[^\s:]*/)?([A-Za-z0-9_.-]+\.(?:c|cc|cpp|cu|h|hpp)):(\d+): GGML_[A-Z]+")


def safe_traceback(lines: Iterable[str]) -> str:
    """The kinds and places of exceptions in lines of a traceback, and nothing else of them.

    Of a check of llama.cpp's own that failed it is the place; of the dump of all threads that
    faulthandler writes at a fatal signal, the thread that brought it about.
    """
    told: list[str] = []
    at_fault = False
    for line in lines:
        if line.startswith(_AT_FAULT):
            told, at_fault = [], True
        elif at_fault and line.startswith(_OTHER_THREAD):
            break
        elif place := _PLACE.search(line) or _NATIVE.search(line):
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
        **_library(config, kept),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_PACKAGES),
        "GGML_NO_BACKTRACE": "1",
    }


def _library(config: LlamaConfig, kept: Mapping[str, str]) -> dict[str, str]:
    """Where another libllama lies, for llama-cpp-python, and what it needs, for the loader.

    `LLAMA_CPP_LIB_PATH` of the service's environment names it as `library` does; the engine process
    works in another folder, so a relative path would be another there.
    """
    named = config.library or kept.get("LLAMA_CPP_LIB_PATH")
    if not named:
        return {}
    folder = str(Path(named).resolve())
    folders = ":".join(filter(None, (folder, kept.get("LD_LIBRARY_PATH", ""))))
    return {"LLAMA_CPP_LIB_PATH": folder, "LD_LIBRARY_PATH": folders}
