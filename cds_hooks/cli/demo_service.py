"""The demonstration's service: a process of its own, what it says, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cds_hooks.cli.outcomes import NotAnswered

__all__ = ["DemoLog", "DemoService", "started"]

# Of the environment only what tells of the model: no record of a demonstration goes elsewhere.
_KEPT = ("MODEL", "MODEL_SERVER", "PANEL", "TERMINOLOGY", "EGRESS")
# With a file of its own no server is asked.
_PATH, _ELSEWHERE = "CHARTSIDE_MODEL__PATH", ("MODEL_SERVER", "PANEL")
# The user says how long to wait, see `--wait`; the service must not give up before.
_SETTINGS = """\
profile = "demo"
[store]
path = "records.sqlite"
site_key = "site.key"
[services]
deadline_s = 86400.0
"""
_STOP_S = 30.0
_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class DemoLog:
    """The service's log: JSON lines, and whatever else a process writes when it dies."""

    path: Path

    def entries(self) -> list[dict[str, Any]]:
        """Every line that is JSON."""
        found = []
        for line in self._lines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                found += [entry] if isinstance(entry, dict) else []
        return found

    def end(self) -> list[str]:
        """The last lines, as a person reads them."""
        return [_readable(line) for line in self._lines()[-_LAST_LINES:]]

    def address(self) -> str:
        """Where the service listens; empty before it does."""
        found = [e for e in self.entries() if e.get("event") == "listening"]
        return f"http://{found[-1]['host']}:{found[-1]['port']}" if found else ""

    def refusal(self) -> Mapping[str, str]:
        """`code` and `diagnostics` of a start that was refused; empty when none was."""
        found = [e["error"] for e in self.entries() if isinstance(e.get("error"), dict)]
        return found[-1] if found else {}

    def ended(self) -> str:
        """The id of the last consultation that ended without an answer; empty when none did."""
        found = [e for e in self.entries() if e.get("event") == "consultation"]
        failed = found and found[-1].get("outcome") != "answered"
        return str(found[-1].get("consultation", "")) if failed else ""

    def about_engine(self) -> list[str]:
        """What was logged as wrong with the engine."""
        said = [e for e in self.entries() if str(e.get("logger", "")).startswith(_INFERENCE)]
        return [str(e["event"]) for e in said if e.get("level") in ("warning", "error", "critical")]

    def _lines(self) -> list[str]:
        return self.path.read_text(errors="replace").splitlines() if self.path.exists() else []


_INFERENCE = "cds_hooks.inference"
_NOT_TOLD = ("timestamp", "level", "event", "logger", "request_id")


def _readable(line: str) -> str:
    """Time, level, event, and its fields; what is no event as it is."""
    try:
        entry = json.loads(line)
        head = [entry["timestamp"][11:19], entry["level"], entry["event"]]
    except (ValueError, LookupError, TypeError):
        return line
    return " ".join([*head, *(f"{k}={v}" for k, v in entry.items() if k not in _NOT_TOLD)])


@dataclass(slots=True)
class DemoService:
    """A service in `folder`, where its records and its log are."""

    process: subprocess.Popen[bytes]
    folder: Path
    log: DemoLog
    engine: str = ""
    rung: str = ""

    def require_alive(self) -> None:
        """Raise NotAnswered when the process has ended: with its refusal, or its exit status."""
        status = self.process.poll()
        if status is None:
            return
        if refusal := self.log.refusal():
            code, said = refusal.get("code", "service-ended"), refusal.get("diagnostics", "")
            message = said.removeprefix(f"{code}: ").rstrip(".")
            raise NotAnswered(code, f"the service did not start: {message}")
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
        raise NotAnswered("service-ended", f"the service's process ended {how}")

    def ready(self) -> bool:
        """Whether `/readyz` says so; raises NotAnswered when it says that the engine failed.

        `engine` keeps what it said of the engine, `rung` of how the model is loaded.
        """
        self.require_alive()
        address = self.log.address()
        told = _get(f"{address}/readyz") if address else {}
        checks = told.get("checks", {})
        self.engine = str(checks.get("engine", "")) or self.engine
        self.rung = str(checks.get("engine_rung", "")) or self.rung
        if checks.get("engine_state") == "failed":
            code, _, cause = self.engine.partition(": ")
            raise NotAnswered(code, "the engine cannot answer", hint=cause)
        return told.get("status") == "ready"

    def cause(self, code: str) -> str:
        """What is known of a fault: what `/readyz` says, else what was logged under its code."""
        said = [*self.log.about_engine(), self.engine]
        found = [each.partition(": ")[2] for each in said if each.startswith(f"{code}: ")]
        return found[-1] if found else ""

    def stop(self) -> None:
        """End it, by force when it must be."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def started(folder: Path, model: Path | None = None) -> Iterator[DemoService]:
    """The service on a free loopback port, stopped in the end; its records stay in `folder`.

    `model` is a GGUF file to load instead of the one that the environment or the defaults name.
    """
    settings, log = folder / "chartside.toml", folder / "service.log"
    settings.write_text(_SETTINGS)
    command = [sys.executable, "-m", "cds_hooks", "serve", "--port", "0", "--json"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, "--config", str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(model),
        )
    service = DemoService(process, folder, DemoLog(log))
    try:
        yield service
    finally:
        service.stop()


def _environment(model: Path | None) -> dict[str, str]:
    """Ours, of Chartside's settings only those of the model; `model` comes before all of them."""
    kept = tuple(f"CHARTSIDE_{section}__" for section in _KEPT)
    left = () if model is None else (_PATH, *(f"CHARTSIDE_{each}__" for each in _ELSEWHERE))
    named = {} if model is None else {_PATH: str(model.resolve())}
    return named | {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("CHARTSIDE_")
        or (name.upper().startswith(kept) and not name.upper().startswith(left))
    }


def _get(url: str) -> Mapping[str, Any]:
    """A JSON object, whatever its status; empty when there is none just now."""
    try:
        told = httpx.get(url, timeout=30, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
