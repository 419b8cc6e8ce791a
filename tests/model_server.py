"""A real model server in a process of its own, for tests of whatever asks one."""

from __future__ import annotations

import select
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["EMBEDDED", "ModelServer", "start_model_server"]

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
_PROGRAM = ROOT / "tests/inference_remote/server.py"


@dataclass
class ModelServer:
    """A running `server.py`."""

    process: subprocess.Popen[str]
    port: int
    scheme: str

    @property
    def base(self) -> str:
        """Its base URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def seen(self, tls: ssl.SSLContext | bool = True) -> dict[str, Any]:
        """What it says it has done."""
        answer = httpx.get(f"{self.base}/seen", verify=tls, trust_env=False, timeout=60)
        return answer.json()

    def stop(self) -> None:
        """End it, by force if it must be."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def _listening(process: subprocess.Popen[str], within_s: float) -> int:
    assert process.stdout is not None
    ends = time.monotonic() + within_s
    while time.monotonic() < ends and process.poll() is None:
        if select.select([process.stdout], [], [], 0.2)[0]:
            line = process.stdout.readline()
            if line.startswith("port="):
                return int(line.removeprefix("port="))
    raise AssertionError(f"the model server did not start (exit {process.poll()})")


def start_model_server(*options: str) -> ModelServer:
    """A server around the embedded model on a free port; whoever starts it stops it."""
    command = [sys.executable, str(_PROGRAM), "--model", str(EMBEDDED), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    server = ModelServer(process, 0, "https" if "--cert" in options else "http")
    try:
        server.port = _listening(process, 300)
    except BaseException:
        server.stop()
        raise
    return server
