"""What an image or a unit starts, run here as plain processes in a folder of the test's own."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CONTAINER = DEPLOY / "Containerfile"
SYSTEMD = DEPLOY / "systemd"
CONFIG = "/etc/chartside/chartside.toml"
INSTALLED = "/opt/chartside/.venv/bin/chartside"
PROGRAM = Path(sys.executable).with_name("chartside")


def unit(name: str = "chartside.service") -> configparser.RawConfigParser:
    """A unit; of a key that is there twice its last value."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((SYSTEMD / name).read_text())
    return parser


Instruction = tuple[str, str]


def stages() -> dict[str, list[Instruction]]:
    """The container file's instructions as (word, rest) by stage, continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", CONTAINER.read_text()))
    found: dict[str, list[Instruction]] = {}
    stage = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        word, rest = line.split(maxsplit=1)
        stage = rest.rpartition(" AS ")[2] if word == "FROM" else stage
        found.setdefault(stage, []).append((word, rest))
    return found


def command_of(stage: str) -> list[str]:
    """ENTRYPOINT and CMD."""
    said = dict(stages()[stage])
    return [*json.loads(said["ENTRYPOINT"]), *json.loads(said["CMD"])]


def health_command() -> list[str]:
    """What the image's health check runs."""
    told: list[str] = json.loads(dict(stages()["service"])["HEALTHCHECK"].partition("CMD ")[2])
    return told


def here(words: Sequence[str], settings: Path) -> list[str]:
    """The command line with this checkout's program and these settings."""
    assert words[0] == INSTALLED
    assert CONFIG in words
    return [str(PROGRAM), *(str(settings) if word == CONFIG else word for word in words[1:])]


def installed_settings(folder: Path) -> Path:
    """`deploy/installed.toml` with the places of this checkout and a folder of the test's."""
    if not (ROOT / "build" / "terminology.sqlite").exists():
        pytest.skip("the model and the terminology are not set up (make setup)")
    text = (DEPLOY / "installed.toml").read_text()
    for installed, place in {
        "/usr/share/chartside": ROOT / "build",
        "/var/cache/chartside": ROOT / "build" / "cache",
        "/var/lib/chartside": folder / "state",
    }.items():
        text = text.replace(f'"{installed}', f'"{place}')
    path = folder / "chartside.toml"
    path.write_text(text)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """Of a process that knows nothing of this checkout but where its code is."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | more


@contextlib.contextmanager
def started(
    command: Sequence[str], folder: Path, log: str = "log", **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, told at the end by its own id to stop what it started and itself."""
    with (folder / log).open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env=environment(**environ), cwd=folder
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(url: str, process: subprocess.Popen[bytes], seconds: float = 300) -> bool:
    """Whether it answers 200 before the process ends or so many seconds have passed."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=60, trust_env=False).status_code == 200:
                return True
        time.sleep(0.1)
    return False
