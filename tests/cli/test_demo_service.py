"""What the demonstration makes of its service's log, end and refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cli import demo_service
from cds_hooks.cli.demo_service import DemoLog, DemoService
from cds_hooks.cli.outcomes import NotAnswered


@pytest.fixture
def log(tmp_path: Path) -> DemoLog:
    return DemoLog(tmp_path / "service.log")


def write(log: DemoLog, *entries: Any) -> None:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in entries]
    log.path.write_text("\n".join(lines) + "\n")


def ended(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", code])
    process.wait(60)
    return process


LISTENING = {"event": "listening", "host": "127.0.0.1", "port": 4711}


def test_a_log_that_is_not_there_or_is_not_json_tells_nothing(log: DemoLog) -> None:
    assert (log.entries(), log.end(), log.address(), log.ended()) == ([], [], "", "")
    write(log, "Fatal Python error: Segmentation fault", "[1]", '"text"', "{", "")
    assert (log.entries(), log.address(), log.refusal()) == ([], "", {})
    assert log.end()[0] == "Fatal Python error: Segmentation fault"


def test_the_address_is_where_it_listens(log: DemoLog) -> None:
    write(log, {"event": "other"}, LISTENING)
    assert log.address() == "http://127.0.0.1:4711"


@pytest.mark.parametrize(
    ("outcomes", "failed"),
    [
        ([], ""),
        (["answered"], ""),
        (["invalid-output"], "c0"),
        (["engine-failed", "answered"], ""),
        (["answered", "deadline"], "c1"),
    ],
)
def test_the_last_consultation_counts(log: DemoLog, outcomes: list[str], failed: str) -> None:
    done = [
        {"event": "consultation", "consultation": f"c{n}", "outcome": outcome}
        for n, outcome in enumerate(outcomes)
    ]
    write(log, LISTENING, *done)
    assert log.ended() == failed


def test_what_is_told_of_the_engine_is_what_its_own_loggers_warn_of(log: DemoLog) -> None:
    inference = {"logger": "cds_hooks.inference.local.lifecycle", "level": "error"}
    write(
        log,
        {**inference, "event": "engine-died: The engine process ended by SIGSEGV."},
        {**inference, "level": "info", "event": "fine"},
        {"logger": "uvicorn.error", "level": "error", "event": "another"},
    )
    assert log.about_engine() == ["engine-died: The engine process ended by SIGSEGV."]
    service = DemoService(ended(""), log.path.parent, log)
    assert service.cause("engine-died") == "The engine process ended by SIGSEGV."
    assert service.cause("deadline") == ""


def test_a_line_of_the_end_is_readable(log: DemoLog) -> None:
    entry = {"event": "exchange", "request_id": "r", "status": 503, "level": "info",
             "timestamp": "2026-11-28T18:22:04.914163Z"}  # fmt: skip
    write(log, entry)
    assert log.end() == ["18:22:04 info exchange status=503"]


def test_a_refused_start_is_told_by_its_own_code(log: DemoLog) -> None:
    said = "data-missing: the model is missing at model.path. `make setup` makes it."
    write(log, {"error": {"code": "data-missing", "diagnostics": said}})
    with pytest.raises(NotAnswered) as caught:
        DemoService(ended("raise SystemExit(3)"), log.path.parent, log).require_alive()
    assert caught.value.code == "data-missing"
    assert caught.value.diagnostics().count("data-missing") == 1
    assert "`make setup` makes it" in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise SystemExit(7)", "with exit status 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "by SIGKILL"),
    ],
)
def test_a_service_that_ends_is_told_by_how(log: DemoLog, code: str, says: str) -> None:
    with pytest.raises(NotAnswered) as caught:
        DemoService(ended(code), log.path.parent, log).ready()
    assert caught.value.code == "service-ended"
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [
        ({"engine": "loading", "engine_state": "loading"}, False),
        ({"engine": "engine-died: It ended.", "engine_state": "restarting"}, False),
        ({"engine": "engine-died: It ended by SIGSEGV.", "engine_state": "failed"}, "engine-died"),
        ({"engine": "ok"}, True),
    ],
)
def test_only_an_engine_that_has_failed_ends_the_wait(
    log: DemoLog, monkeypatch: pytest.MonkeyPatch, checks: dict[str, str], outcome: bool | str
) -> None:
    write(log, LISTENING)
    status = "ready" if checks["engine"] == "ok" else "not-ready"
    monkeypatch.setattr(demo_service, "_get", lambda url: {"status": status, "checks": checks})
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    service = DemoService(process, log.path.parent, log)
    try:
        if isinstance(outcome, bool):
            assert service.ready() is outcome
        else:
            with pytest.raises(NotAnswered) as caught:
                service.ready()
            assert (caught.value.code, caught.value.hint) == (outcome, "It ended by SIGSEGV.")
        assert service.engine == checks["engine"]
    finally:
        process.communicate(b"\n")


def test_records_of_a_demonstration_go_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTSIDE_STORE__PATH", "/var/lib/chartside/records.sqlite")
    monkeypatch.setenv("CHARTSIDE_PROFILE", "production")
    monkeypatch.setenv("CHARTSIDE_MODEL__PATH", "/srv/model.gguf")
    kept = demo_service._environment(None)
    assert [name for name in kept if name.startswith("CHARTSIDE_")] == ["CHARTSIDE_MODEL__PATH"]


def test_a_file_that_is_named_comes_before_every_setting_of_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTSIDE_MODEL__PATH", "/srv/model.gguf")
    monkeypatch.setenv("CHARTSIDE_MODEL__NAMES", "/srv/names.txt")
    monkeypatch.setenv("CHARTSIDE_MODEL_SERVER__MODEL", "elsewhere")
    monkeypatch.chdir(tmp_path)
    kept = demo_service._environment(Path("own.gguf"))
    told = {name: value for name, value in kept.items() if name.startswith("CHARTSIDE_")}
    assert told == {
        "CHARTSIDE_MODEL__PATH": str(tmp_path / "own.gguf"),
        "CHARTSIDE_MODEL__NAMES": "/srv/names.txt",
    }


def test_a_service_that_does_not_stop_is_ended(
    log: DemoLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_service, "_STOP_S", 0.2)
    ignores = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    deaf = f"{ignores}; print(1, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    DemoService(process, log.path.parent, log).stop()
    assert process.returncode == -9
    process.communicate()
