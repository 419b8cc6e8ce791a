"""The service as its users run it: a process of its own, a real model, a real socket."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_hooks.cds_client.requests import hook_request, place_in_time
from cds_hooks.services import find

ROOT = Path(__file__).resolve().parents[2]
# One sample of the model shows the way through as well as three do, however slow the machine is.
IN_BRIEF = {
    "CHARTSIDE_SERVICES__SAMPLES": "1",
    "CHARTSIDE_SERVICES__DEADLINE_S": "500",
}


@dataclass
class Running:
    """A service: its address, process, folder of records, and log so far."""

    address: str
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "service.log").read_text(errors="replace")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", timeout=120)

    def post(self, path: str, body: Any) -> httpx.Response:
        return httpx.post(f"{self.address}{path}", json=body, timeout=120)

    def hook(self, body: dict[str, Any], service: str = "chartside-patient-view") -> dict[str, Any]:
        answer = self.post(f"/cds-services/{service}", body)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def until_ready(self, seconds: float = 300) -> None:
        self.wait_for(lambda: self.get("/readyz").status_code == 200, seconds)

    def wait_for(self, reached: Callable[[], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with contextlib.suppress(httpx.TransportError):
                if reached():
                    return
            time.sleep(0.1)
        pytest.fail(f"not reached within {seconds} s; the log ends:\n{self.log[-3000:]}")


def _address(running: Running) -> str:
    for line in running.log.splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("event") == "listening":
                return f"http://{entry['host']}:{entry['port']}"
    return ""


@contextlib.contextmanager
def running_service(
    folder: Path,
    settings: str = "",
    *,
    store: str = "",
    site_key: Path | None = None,
    options: Sequence[str] = (),
) -> Iterator[Running]:
    """`chartside serve` on a free port, with further options; ended by its own process id."""
    config, key = folder / "chartside.toml", site_key or folder / "site.key"
    store = f'[store]\npath = "{store or folder / "records.sqlite"}"\nsite_key = "{key}"\n'
    config.write_text(f'profile = "demo"\n{store}{settings}')
    with running_service_of(config, options) as running:
        yield running


@contextlib.contextmanager
def running_service_of(config: Path, options: Sequence[str] = ()) -> Iterator[Running]:
    """The same with a settings file that is there."""
    folder = config.parent
    command = [sys.executable, "-m", "cds_hooks", "serve", "--port", "0", "--json", *options]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--config", str(config)],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, **IN_BRIEF},
        )
    running = Running("", process, folder)
    try:
        running.wait_for(lambda: bool(_address(running)) or process.poll() is not None, 120)
        running.address = _address(running)
        assert running.address, running.log
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], AbstractContextManager[Running]]:
    """Start a service with further settings (TOML)."""
    return lambda settings="": running_service(tmp_path, settings)


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, Any]:
    """How a command is started by somebody who is not in the checkout: another folder, with spaces
    in its path, a plain locale, another time zone, and temporary files below `tmp_path`."""
    folder, temporary = tmp_path / "a folder", tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    odd = {"LANG": "C", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "TMPDIR": str(temporary)}
    return {"cwd": folder, "env": {**os.environ, **odd}}


@pytest.fixture
def demo_bundle() -> list[dict[str, Any]]:
    sample = ROOT / "cds_hooks/cds_client/sample_patients/breathless.json"
    raw = json.loads(sample.read_text())
    return [entry["resource"] for entry in place_in_time(raw, datetime.now(UTC))["entry"]]


@pytest.fixture
def open_chart() -> Callable[..., dict[str, Any]]:
    """A patient-view request for a patient whose resources are given."""

    def make(resources: list[dict[str, Any]], patient_id: str = "demo-1") -> dict[str, Any]:
        service = find("chartside-patient-view")
        assert service is not None
        return hook_request(
            "patient-view", service.prefetch, resources, patient_id=patient_id, encounter_id=None
        )

    return make
