"""The container file and the systemd unit: what they promise, and that their commands run."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from setup_steps import llama
from setup_steps.layout import Layout

from cds_hooks.settings import environment_name

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "chartside.service"
CONTAINER = DEPLOY / "Containerfile"
CONFIG = "/etc/chartside/chartside.toml"
PROGRAM = Path(sys.executable).with_name("chartside")


def _unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser["Service"]


def _instructions() -> list[tuple[str, str]]:
    """The container file's instructions as (word, rest), continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", CONTAINER.read_text()))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def _final_stage() -> list[tuple[str, str]]:
    found = _instructions()
    begins = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[begins:]


def _of_unit() -> list[str]:
    return shlex.split(_unit()["ExecStart"])


def _of_container() -> list[str]:
    said = dict(_final_stage())
    return [*json.loads(said["ENTRYPOINT"]), *json.loads(said["CMD"])]


# --- the unit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"), ("UMask", "0077"), ("StateDirectoryMode", "0700"),
        ("ProtectSystem", "strict"), ("ProtectHome", "yes"), ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"), ("NoNewPrivileges", "yes"), ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"), ("RestrictNamespaces", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"), ("IPAddressDeny", "any"),
        ("IPAddressAllow", "localhost"), ("LimitCORE", "0"),
        ("SystemCallArchitectures", "native"), ("ProtectProc", "invisible"),
    ],
)  # fmt: skip
def test_the_unit_keeps_its_promises(key: str, value: str) -> None:
    assert _unit()[key] == value


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_reads_the_unit_and_finds_little_exposed(tmp_path: Path) -> None:
    unit = tmp_path / "chartside.service"
    unit.write_text(UNIT.read_text().replace(_of_unit()[0], "/bin/true"))
    analyze = ["systemd-analyze", "--no-pager"]
    checked = subprocess.run(
        [*analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "chartside.service" not in checked.stderr, checked.stderr
    threshold = [*analyze, "security", "--offline=true", "--threshold=20", str(unit)]
    exposed = subprocess.run(threshold, capture_output=True, text=True, check=False)
    if "Unknown option" in exposed.stderr or "unrecognized option" in exposed.stderr:
        pytest.skip("this systemd cannot look at a unit that is not installed")
    assert exposed.returncode == 0, exposed.stdout[-400:] + exposed.stderr


# --- the container ----------------------------------------------------------------------------


def test_the_final_stage_has_no_root_and_no_build_tools() -> None:
    stage = _final_stage()
    users = [rest for word, rest in stage if word == "USER"]
    assert users == ["10001:10001"]
    order = [word for word, _ in stage]
    assert order.index("USER") < order.index("ENTRYPOINT")
    runs = " ".join(rest for word, rest in stage if word == "RUN")
    assert "build-essential" not in runs
    assert "pip install" not in runs
    assert "pip uninstall --yes pip setuptools" in runs
    assert [rest.split()[0] for word, rest in stage if word == "COPY"] == [
        "--from=build", "--from=build", "--from=build", "deploy/installed.toml",
    ]  # fmt: skip


def test_everything_is_installed_by_hash() -> None:
    runs = [rest for word, rest in _instructions() if word == "RUN"]
    for command in re.findall(r"pip (?:install|sync) [^&]*", " && ".join(runs)):
        assert "--require-hashes" in command or "--no-deps" in command
    text = " ".join(runs)
    assert not re.search(r"curl|wget|git clone", text)


def test_what_is_copied_is_there() -> None:
    for word, rest in _instructions():
        if word == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / source).exists() for source in rest.split()[:-1])


def test_the_image_is_built_by_steps_of_set_up_with_its_switches(
    setup_module: ModuleType, setup_layout: Layout
) -> None:
    runs = " ".join(rest for word, rest in _instructions() if word == "RUN")
    [named] = re.findall(r"setup\.py --only ((?:\"[a-z ]+\" ?)+)", runs)
    known = {step.name for step in setup_module.everything(setup_layout)}
    assert set(shlex.split(named)) <= known
    [variable] = [rest for word, rest in _instructions() if rest.startswith("CMAKE_ARGS=")]
    switches = shlex.split(variable.partition("=")[2].strip('"'))
    assert set(llama.SMALL) <= set(switches)
    assert "-DCMAKE_PROJECT_llama.cpp_INCLUDE=/src/deploy/llama.cmake" in switches
    assert "-DGGML_NATIVE=OFF" in switches
    assert not any("AMX" in switch for switch in switches)


def test_the_image_has_the_paths_that_the_installed_settings_name() -> None:
    stage = _final_stage()
    targets = {rest.split()[-1].rstrip("/") for word, rest in stage if word == "COPY"}
    folders = json.loads(dict(stage)["VOLUME"])
    for path in re.findall(r'= "(/[^"]+)"', (DEPLOY / "installed.toml").read_text()):
        places = [*targets, *folders]
        assert any(Path(path).is_relative_to(place) for place in places), path
    assert CONFIG in targets


# --- the command lines ------------------------------------------------------------------------


def _settings(folder: Path) -> Path:
    """The installed settings, with the places of this checkout and a folder of the test's."""
    text = (DEPLOY / "installed.toml").read_text()
    for installed, here in {
        "/usr/share/chartside": ROOT / "build",
        "/var/cache/chartside": ROOT / "build" / "cache",
        "/var/lib/chartside": folder / "state",
    }.items():
        text = text.replace(f'"{installed}', f'"{here}')
    path = folder / "chartside.toml"
    path.write_text(text)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _started(command: list[str], folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environ = {"PATH": os.environ["PATH"], environment_name("server.port"): str(port)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ, cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.model
@pytest.mark.parametrize(
    ("said", "probe"),
    [
        pytest.param(_of_unit(), "readyz", id="systemd"),
        pytest.param(_of_container(), "healthz", id="container", marks=pytest.mark.slow),
    ],
)
def test_the_command_line_runs_as_a_plain_process(
    said: list[str], probe: str, tmp_path: Path
) -> None:
    if not (ROOT / "build" / "terminology.sqlite").exists():
        pytest.skip("the model and the terminology are not set up (make setup)")
    assert said[0] == "/opt/chartside/.venv/bin/chartside"
    assert CONFIG in said
    settings = str(_settings(tmp_path))
    command = [str(PROGRAM), *(settings if word == CONFIG else word for word in said[1:])]
    port = _free_port()
    with _started(command, tmp_path, port) as process:
        ready = _until(f"http://127.0.0.1:{port}/{probe}", process)
        log = (tmp_path / "log").read_text()
        assert ready, log[-2000:]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    entries = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    [listening] = [entry for entry in entries if entry["event"] == "listening"]
    assert listening["port"] == port
    kept = {str(path.relative_to(tmp_path / "state")) for path in (tmp_path / "state").rglob("*.*")}
    assert kept == {"keys/site.key", "keys/ledger.key", "records/records.sqlite"}
    for path in (tmp_path / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def _until(url: str, process: subprocess.Popen[bytes], seconds: float = 300) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=60).status_code == 200:
                return True
        time.sleep(0.1)
    return False
