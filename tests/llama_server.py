"""A real llama-server for tests: the one that `make llama-server` fetches, or `TEST_LLAMA_SERVER`.

That is the program itself, or a Python interpreter that has the `xllamacpp` wheel, which carries
the same server (docs/operators/model-servers.md). Nothing is installed here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from tests.model_server import EMBEDDED

__all__ = ["LlamaServer", "named_server", "start_llama_server"]

_WHEEL = Path(__file__).with_name("xllamacpp_server.py")
_FETCHED = Path(__file__).parent.parent / "build" / "llama-server" / "bin" / "python"
_PATIENCE_S = 120.0


@dataclass
class LlamaServer:
    """One that runs; `stop` it."""

    process: subprocess.Popen[bytes]
    port: int
    log: IO[bytes]

    @property
    def base(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def working(self) -> int:
        """How many of its slots work now."""
        slots = httpx.get(f"{self.base}/slots", timeout=60.0).json()
        return sum(slot["is_processing"] for slot in slots)

    def stop(self) -> None:
        """End it, by force: some builds wait for their clients."""
        self.process.kill()
        self.process.wait()
        self.log.close()
        if self.process.stdout:
            self.process.stdout.close()


def named_server() -> Path | None:
    """The program that the environment names, else the one that was fetched."""
    if named := os.environ.get("TEST_LLAMA_SERVER", ""):
        return Path(named)
    return _FETCHED if _FETCHED.is_file() else None


def start_llama_server(
    program: Path,
    *,
    model: Path = EMBEDDED,
    context: int = 6144,
    samples: int = 3,
    threads: int = 1,
) -> LlamaServer:
    """A server of a model under the id `smol`, once it is ready."""
    sizes = {"--model": str(model), "--alias": "smol", "--ctx-size": str(context)}
    sizes |= {"--parallel": str(samples), "--threads": str(threads)}
    options = [word for pair in sizes.items() for word in pair]
    log = tempfile.TemporaryFile()  # noqa: SIM115
    if program.name.startswith("python"):
        command = [str(program), str(_WHEEL), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout
        told = next((line for line in process.stdout if line.startswith(b"port=")), b"port=0")
        port = int(told.partition(b"=")[2])
    else:
        port = _free_port()
        own = ["--host", "127.0.0.1", "--port", str(port), "--offline", "--slots"]
        process = subprocess.Popen([str(program), *options, *own], stdout=log, stderr=log)
    server = LlamaServer(process, port, log)
    _until_ready(server)
    return server


def _until_ready(server: LlamaServer) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends and server.process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{server.base}/health", timeout=5.0).status_code == 200:
                return
        time.sleep(0.1)
    server.log.seek(0)
    said = server.log.read().decode("utf-8", "replace")[-2000:]
    server.stop()
    raise RuntimeError(f"the server did not become ready: {said}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
