"""A reader at a terminal: a folder with a chart and a model in it, and `chartside` on the path.

Files there: `chart.json` (the demonstration's patient), `model.gguf` (the embedded model). A block
of settings with the comment `as: FILE` is written to that file; a block of shell with `keeps
running` is a service that the page's later blocks may call under the address that the page shows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx

from cds_hooks.cds_client.requests import place_in_time
from tests.docs.pages import ROOT, Block
from tests.end_to_end.conftest import IN_BRIEF

__all__ = ["Terminal", "at_a_terminal"]

MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
SHOWN = "http://127.0.0.1:8010"
_LIMIT_S = 540


class Terminal:
    """Runs blocks of one page, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = SHOWN
        self.services: list[subprocess.Popen[bytes]] = []
        (folder / "bin").mkdir()
        command = folder / "bin/chartside"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cds_hooks "$@"\n')
        command.chmod(0o755)
        sample = ROOT / "cds_hooks/cds_client/sample_patients/breathless.json"
        chart = json.loads(sample.read_text())
        (folder / "chart.json").write_text(json.dumps(place_in_time(chart, datetime.now(UTC))))
        (folder / "model.gguf").symlink_to(MODEL)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "CHARTSIDE_SERVER__PORT": "0",
            "COLUMNS": "100",
            **IN_BRIEF,
        }

    def write(self, block: Block) -> None:
        """Put a block of settings into the file that its comment names."""
        file = self.folder / block.comment.removeprefix("as:").strip()
        file.write_text(block.text.replace('"..."', f'"{self._digest()}"'))

    def _digest(self) -> str:
        done = subprocess.run(["sha256sum", str(MODEL)], check=True, capture_output=True, text=True)
        return done.stdout.split()[0]

    def run(self, block: Block) -> str:
        """What went wrong with the block, or nothing."""
        text = block.text.replace(SHOWN, self.address)
        if block.comment.startswith("keeps running"):
            return self._serve(text)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = (done.stdout + done.stderr)[-3000:]
        return "" if done.returncode == 0 else f"{block} ended with {done.returncode}:\n{said}"

    def _serve(self, text: str) -> str:
        log = self.folder / "service.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {text.strip()} --json"],
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=file,
            )
        self.services.append(process)
        ends = time.monotonic() + _LIMIT_S
        while process.poll() is None and time.monotonic() < ends:
            if self._ready(log.read_text(errors="replace")):
                return ""
            time.sleep(0.2)
        return f"{text}: it is not ready:\n{log.read_text(errors='replace')[-3000:]}"

    def _ready(self, log: str) -> bool:
        listening = re.search(r'\{[^\n]*"event": ?"listening"[^\n]*\}', log)
        if listening is None:
            return False
        entry = json.loads(listening[0])
        self.address = f"http://{entry['host']}:{entry['port']}"
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.address}/readyz", timeout=60).status_code == 200
        return False

    def close(self) -> list[int]:
        """End the services; their exit codes."""
        for process in self.services:
            process.terminate()
        return [process.wait(60) for process in self.services]


@contextlib.contextmanager
def at_a_terminal(folder: Path) -> Iterator[Terminal]:
    terminal = Terminal(folder)
    try:
        yield terminal
    finally:
        terminal.close()
