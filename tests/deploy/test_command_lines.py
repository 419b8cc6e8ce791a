"""What units and images start, as plain processes in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from cds_hooks.settings import environment_name
from tests.deploy.plain_processes import (
    DEPLOY,
    INSTALLED,
    PROGRAM,
    ROOT,
    command_of,
    environment,
    free_port,
    health_command,
    here,
    installed_settings,
    started,
    unit,
    until,
)
from tests.deploy.test_monitoring import asked_metrics

PORT = environment_name("server.port")
UNLESS_SET = {"chartside_witness_behind_records"}
"""Metrics of what the installed settings leave out."""


def _of_unit(name: str = "chartside.service") -> list[str]:
    return shlex.split(unit(name)["Service"]["ExecStart"])


@pytest.mark.model
@pytest.mark.parametrize(
    ("said", "probe"),
    [
        pytest.param(_of_unit(), "readyz", id="systemd"),
        pytest.param(command_of("service"), "healthz", id="container", marks=pytest.mark.slow),
    ],
)
def test_a_service_runs_is_asked_how_it_is_and_copied(
    said: list[str], probe: str, tmp_path: Path
) -> None:
    settings, port = installed_settings(tmp_path), free_port()
    with started(here(said, settings), tmp_path, **{PORT: str(port)}) as process:
        ready = until(f"http://127.0.0.1:{port}/{probe}", process)
        log = (tmp_path / "log").read_text()
        assert ready, log[-2000:]
        asked = [*here(health_command(), settings), *(["--ready"] if probe == "readyz" else [])]
        assert _ends(asked, tmp_path, port) == 0
        _copy(settings, tmp_path)
        assert (
            _missing(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text) <= UNLESS_SET
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert _ends(here(health_command(), settings), tmp_path, port) == 1
    entries = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    [listening] = [entry for entry in entries if entry["event"] == "listening"]
    assert listening["port"] == port
    kept = {str(path.relative_to(tmp_path / "state")) for path in (tmp_path / "state").rglob("*.*")}
    assert kept == {"keys/site.key", "keys/ledger.key", "records/records.sqlite"}
    for path in (tmp_path / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def _missing(page: str) -> set[str]:
    """Metrics of alerts and dashboard that the service does not have."""
    there = set(re.findall(r"(?m)^# TYPE (\S+) ", page))
    return asked_metrics() - there


def _ends(command: list[str], folder: Path, port: int) -> int:
    environ = environment(**{PORT: str(port)})
    return subprocess.run(command, cwd=folder, env=environ, check=False).returncode


def _copy(settings: Path, folder: Path) -> None:
    """The backup unit's line, with the folders of the test."""
    copies = folder / "copies"
    copies.mkdir(mode=0o700)
    shell, option, line = _of_unit("chartside-backup.service")
    line = line.replace("%%", "%").replace("/var/lib/chartside-backups", str(copies))
    line = line.replace(INSTALLED, str(PROGRAM)).replace(
        "/etc/chartside/chartside.toml", str(settings)
    )
    subprocess.run([shell, option, line], cwd=folder, env=environment(), check=True)
    [copy] = copies.iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600


def test_the_prewarm_units_line_is_a_command_of_ours(tmp_path: Path) -> None:
    """It needs a FHIR server: without one it says so, and does not run into a wrong option."""
    command = here(_of_unit("chartside-prewarm.service"), installed_settings(tmp_path))
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "prewarm" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.fhir_server
@pytest.mark.usefixtures("fhir_server")
def test_the_two_of_the_compose_file_run_side_by_side(tmp_path: Path) -> None:
    """The FHIR server in the folder that its image has, which has no sources of the service."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    sandbox = tmp_path / "sandbox"
    shutil.copytree(DEPLOY / "locks", sandbox / "deploy/locks")
    shutil.copy(DEPLOY / "fhir_server.py", sandbox / "deploy")
    (sandbox / ".venv-fhir-server").symlink_to(ROOT / ".venv-fhir-server")
    python, program, *options = command_of("sandbox-fhir")
    assert python.endswith("/python")
    assert program == "/opt/sandbox/deploy/fhir_server.py"
    fhir_port, port = free_port(), free_port()
    fhir = [sys.executable, str(sandbox / "deploy/fhir_server.py"), *options]
    base = f"http://127.0.0.1:{fhir_port}/fhir"
    settings = installed_settings(tmp_path)
    entry = command_of("service")[:1]
    words = [
        each.replace("http://127.0.0.1:8090/fhir", base)
        for each in services["chartside"]["command"]
    ]
    assert base in words
    with (
        started(
            [*fhir, "--port", str(fhir_port)], tmp_path, "fhir.log", TMPDIR=str(tmp_path)
        ) as served,
        started(here([*entry, *words], settings), tmp_path, **{PORT: str(port)}) as service,
    ):
        assert until(f"{base}/Patient/demo-1", served), (tmp_path / "fhir.log").read_text()
        assert until(f"http://127.0.0.1:{port}/healthz", service), (tmp_path / "log").read_text()
        doctor = [
            str(PROGRAM),
            "doctor",
            "fhir",
            "--fhir-server",
            base,
            "--patient",
            "demo-1",
            "--json",
        ]
        told = subprocess.run(
            doctor, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
        )
    assert not (sandbox / "build").exists()
    assert told.returncode == 0, told.stdout
