"""What commands say when the engine dies: a named cause, a stable code, exit code 1."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cds_hooks.cli.demo_service import DemoLog
from cds_hooks.inference.worker.injected_faults import VARIABLE

pytestmark = pytest.mark.model
ROOT = Path(__file__).resolve().parents[2]
MAIN = [sys.executable, "-m", "cds_hooks"]


def command(elsewhere: dict[str, Any], fault: str, *arguments: str) -> Any:
    """A command whose engine process kills itself by a signal."""
    env = {**elsewhere["env"], VARIABLE: fault}
    done = subprocess.run(
        [*MAIN, *arguments],
        cwd=elsewhere["cwd"], env=env, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout
    return done


def test_a_demo_whose_engine_dies_names_the_cause_and_keeps_the_log(
    elsewhere: dict[str, Any], tmp_path: Path
) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    done = command(elsewhere, "decode:SIGSEGV", "demo", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["error"]["code"] == "engine-died-first-decode"
    assert told["error"]["diagnostics"].startswith("engine-died-first-decode: ")
    assert "by SIGSEGV" in told["error"]["diagnostics"]
    assert told["engine"].startswith("engine-died-first-decode: ")
    assert told["log"] in told["error"]["diagnostics"]
    log = Path(told["log"])
    assert log.is_relative_to(tmp_path / "tmp")
    assert "by SIGSEGV" in log.read_text()
    assert any("by SIGSEGV" in line for line in told["log_end"])
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    [card] = told["last"]["cards"]
    assert "(code: engine-died-first-decode)" in card["detail"]
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert not [p for p in left if p.name().startswith("python")]


def test_a_person_is_shown_the_card_the_engine_and_the_log(elsewhere: dict[str, Any]) -> None:
    done = command(elsewhere, "request:SIGSEGV", "demo")
    assert done.returncode == 1
    for shown in (
        "No differential: the model failed while it was answering",
        "/readyz: engine-died-on-request: The engine process ended by SIGSEGV",
        "the end of the log",
        "outcome=engine-failed code=engine-died-on-request",
    ):
        assert shown in done.stdout
    assert done.stderr.startswith("chartside: engine-died-on-request: ")
    assert "The log is kept at " in done.stderr


def test_a_hook_in_this_process_whose_engine_dies_ends_with_the_cause(
    elsewhere: dict[str, Any],
) -> None:
    chart = elsewhere["cwd"] / "my chart.json"
    chart.write_text('{"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01"}')
    config = elsewhere["cwd"] / "own.toml"
    config.write_text('[store]\npath = "r/db.sqlite"\nsite_key = "r/site.key"\n')
    arguments = ["hook", "patient-view", "--bundle", chart.name, "--config", config.name]
    done = command(elsewhere, "request:SIGABRT", *arguments)
    assert done.returncode == 1
    assert "No differential: the model failed while it was answering" in done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("chartside: engine-died-on-request: ")
    assert "by SIGABRT" in last
    assert done.stderr.count("by SIGABRT") == 1


def test_a_service_with_settings_of_its_own_starts_from_anywhere(
    elsewhere: dict[str, Any],
) -> None:
    """A folder that the user just made is no trouble unless the store lies in it; then the one
    command that is told mends it."""
    folder = elsewhere["cwd"]
    folder.chmod(0o755)
    config = folder / "own.toml"
    config.write_text('[store]\npath = "db.sqlite"\nsite_key = "keys/new/site.key"\n')
    serve = [*MAIN, "serve", "--port", "0", "--json", "--config", config.name]
    refused = subprocess.run(serve, **elsewhere, capture_output=True, text=True, check=False)
    assert refused.returncode == 3
    error = json.loads(refused.stdout)["error"]
    assert error["code"] == "files-not-private"
    subprocess.run(["sh", "-c", error["diagnostics"].split("`")[1]], check=True)
    log = folder / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(serve, **elsewhere, stdout=output, stderr=output, umask=0o022)
    try:
        _until_ready(process, DemoLog(log))
        made = {path for path in folder.rglob("*") if path.is_dir()}
        assert {path.name for path in made} == {"keys", "new"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _until_ready(process: subprocess.Popen[bytes], log: DemoLog) -> None:
    for _ in range(1000):
        assert process.poll() is None, log.end()
        if address := log.address():
            told = httpx.get(f"{address}/readyz", timeout=30).json()
            if told["status"] == "ready":
                return
        time.sleep(0.1)
    pytest.fail("\n".join(log.end()))
