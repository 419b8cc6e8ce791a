"""Commands as a person or a script runs them, good input and bad."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cds_client.requests import place_in_time
from cds_hooks.cli.application import main
from cds_hooks.cli.serve import next_page
from cds_hooks.settings import load_settings
from cds_hooks.verifier import write_coefficients
from tests.verifier.files import small_file

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: what it prints and how it ends."""

    def in_process(*arguments: str, env: dict[str, str] | None = None) -> Done:
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["chartside", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return in_process


def test_the_command_and_the_module_are_the_same() -> None:
    for command in (
        [str(Path(sys.executable).parent / "chartside")],
        [sys.executable, "-m", "cds_hooks"],
    ):
        done = subprocess.run(
            [*command, "--version"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == version("chartside")


def test_discovery_prints_the_document_that_the_service_serves(run: Run) -> None:
    document = json.loads(run("discovery", "--json").stdout)
    ids = [service["id"] for service in document["services"]]
    assert ids[:2] == ["chartside-patient-view", "chartside-encounter-start"]


def bundle(tmp_path: Path, *resources: dict[str, Any]) -> str:
    path = tmp_path / "bundle.json"
    entries = [{"resource": resource} for resource in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return str(path)


PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01", "gender": "female"}


def test_map_tells_facts_and_what_was_left_out(run: Run, tmp_path: Path) -> None:
    subject = {"reference": "Patient/p"}
    good = {
        "resourceType": "Condition",
        "id": "c",
        "code": {"text": "Gout"},
        "subject": subject,
    }
    path = bundle(tmp_path, PATIENT, good, {"resourceType": "Zork", "id": "z", "subject": subject})
    chart = json.loads(run("map", path, "--json", "--now", "2026-01-01").stdout)
    assert [fact["text"] for fact in chart["facts"]] == ["Gout"]
    assert "Zork/z" in [omission["what"] for omission in chart["omissions"]]
    assert chart["patient"]["age_years"] == pytest.approx(76, abs=0.1)


def test_one_broken_resource_among_a_thousand_loses_no_other(run: Run, tmp_path: Path) -> None:
    subject = {"reference": "Patient/p"}
    good = [
        {"resourceType": "Condition", "id": f"c{n}", "code": {"text": f"Problem {n}"},
         "subject": subject}
        for n in range(1000)
    ]  # fmt: skip
    broken = {"resourceType": "Observation", "id": "o", "code": 7, "subject": subject, "status": []}
    path = bundle(tmp_path, PATIENT, *good, broken)
    chart = json.loads(run("map", path, "--json").stdout)
    assert len(chart["facts"]) == 1000
    assert "Observation/o" in [omission["what"] for omission in chart["omissions"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"resourceType": "Bundle", "entry": [', "json"),
        (b"[" * 10_000 + b"]" * 10_000, "too-deep"),
        (b"", "empty-input"),
        (b"\x00\xff\xfe not json", "json"),
        (b'{"resourceType": "Bundle", "type": "collection", "entry": []}', "no-patient"),
    ],
)
def test_bad_files_end_with_a_code_and_one_line(
    run: Run, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    done = run("map", str(path))
    assert done.returncode == 3
    assert code in done.stderr
    assert "Traceback" not in done.stderr
    as_json = json.loads(run("map", str(path), "--json").stdout)
    assert code in as_json["error"]["code"]


@pytest.mark.parametrize("words", [("verifier", "show"), ("tune", "prepare", "--examples")])
def test_an_output_that_is_no_folder_ends_with_a_code(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    given = tmp_path / "given.json"
    example = {
        "id": "1", "patient": "p", "messages": [{"role": "user", "content": "toe"}],
        "answer": "Gout", "gold": {"display": "Gout"}, "source": "own",
    }  # fmt: skip
    shown = write_coefficients(small_file()) if words[0] == "verifier" else json.dumps(example)
    given.write_bytes(shown if isinstance(shown, bytes) else shown.encode())
    output = tmp_path / "file"
    output.touch()
    done = run(*words, str(given), "--output", str(output))
    assert done.returncode != 0
    assert f"file-unusable: File exists at {output}." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_named(run: Run) -> None:
    done = run("map", "nowhere.json")
    assert done.returncode == 3
    assert "nowhere.json" in done.stderr


def test_several_patients_need_a_choice(run: Run, tmp_path: Path) -> None:
    path = bundle(tmp_path, PATIENT, {**PATIENT, "id": "q"})
    assert run("map", path).returncode == 3
    assert run("map", path, "--patient", "q", "--json").returncode == 0


def test_an_unknown_hook_lists_those_there_are(run: Run, tmp_path: Path) -> None:
    done = run("hook", "order-sign", "--bundle", bundle(tmp_path, PATIENT))
    assert done.returncode == 3
    assert "patient-view" in done.stderr


def test_an_unknown_setting_is_named_with_the_nearest(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[server]\nprot = 1\n")
    done = run("serve", "--config", str(config))
    assert done.returncode == 3
    assert "server.prot" in done.stderr
    assert "server.port" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_serve_refuses_to_be_reachable_from_elsewhere(run: Run, host: str) -> None:
    done = run("serve", env={"CHARTSIDE_SERVER__HOST": host})
    assert done.returncode == 3
    assert "bind-not-loopback" in done.stderr


@pytest.mark.model
def test_hook_answers_and_explains_every_stage(run: Run, tmp_path: Path) -> None:
    sample = ROOT / "cds_hooks/cds_client/sample_patients/breathless.json"
    raw = json.loads(sample.read_text())
    demo = tmp_path / "demo.json"
    demo.write_text(json.dumps(place_in_time(raw, datetime.now(UTC))))
    done = run("hook", "patient-view", "--bundle", str(demo), "--json", "--explain")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["response"]["cards"]
    assert {"gather", "map", "render", "model", "check"} <= set(told["consultation"]["timings_ms"])
    assert told["consultation"]["samples"]


def test_a_port_that_another_program_has_is_named(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[store]\npath = "r/db.sqlite"\n[egress]\nlock = false\n')
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("serve", "--config", str(config), "--port", str(port))
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("chartside: port-not-free: ")
    assert "--port" in done.stderr


def test_the_first_page_to_open_is_the_one_that_is_served(tmp_path: Path) -> None:
    demo = tmp_path / "demo.toml"
    demo.write_text('[server]\nhost = "127.0.0.1"\n')
    assert next_page(load_settings(demo), 8010) == "http://127.0.0.1:8010/"
    demo.write_text('[server]\npublic_url = "https://cds.example.org"\n')
    assert next_page(load_settings(demo), 8010) == "https://cds.example.org/"
