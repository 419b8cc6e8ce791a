"""The whole service on a real socket, with all that it logs and random words to look for in it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

import cds_hooks.runtime.service as service_module
from cds_hooks.operation.logs import configure_logging
from cds_hooks.runtime.service import Runtime
from tests.hostile.conftest import settings_for
from tests.hostile.obedient import Obedient

__all__ = ["Fuzzed", "fuzzed_service"]

_numbers = itertools.count(1)


class Fuzzed:
    """A running service: `url`, a client, and what it logged since it was last asked."""

    def __init__(self, url: str, log: io.StringIO) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=120)
        self.requests = 0
        self._log = log

    def sentinel(self) -> str:
        """A word that nothing else holds, a new one for every request."""
        self.requests += 1
        return f"zqx{next(_numbers):06d}vk"

    def judge(self, status: int, text: str, headers: Any, *words: str) -> None:
        """No fault of ours, and none of the words in body, headers or log."""
        assert status < 500 or status == 503, f"{status}: {text[:500]}"
        logged = self._log.getvalue().lower()
        self._log.seek(0)
        self._log.truncate()
        where = (text.lower(), str(dict(headers)).lower(), logged)
        for word in words:
            assert [place[:400] for place in where if word in place] == []


@contextlib.contextmanager
def fuzzed_service(folder: Path) -> Iterator[Fuzzed]:
    """The service with an engine that obeys, in a thread of its own."""
    stream, started, stop = io.StringIO(), threading.Event(), threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(folder, listening, started, stop)), daemon=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_module, "make_engine", lambda *_a, **_k: Obedient())
        configure_logging(level="debug", json=True, stream=stream)
        thread.start()
        try:
            assert started.wait(300)
            fuzzed = Fuzzed(url, stream)
            yield fuzzed
            fuzzed.client.close()
        finally:
            stop.set()
            thread.join(30)
            listening.close()
            configure_logging(level="warning", json=True)


async def _serve(
    folder: Path, listening: socket.socket, started: threading.Event, stop: threading.Event
) -> None:
    more = {"services": {"answer_within_s": 5.0}}
    async with Runtime.running(settings_for(folder, **more)) as runtime:
        config = uvicorn.Config(runtime.app, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells by a flag
            await asyncio.sleep(0.05)
        started.set()
        await asyncio.to_thread(stop.wait)
        server.should_exit = True
        await serving
