"""Calls captured by the service's own switch and by the proxy, and taken by other commands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import ROOT, running_service

# No model is needed to answer a chart: what cannot be asked is answered by rules.
SETTINGS = (
    '[model_server]\nbases = ["http://127.0.0.1:9"]\nmodel = "none"\ndemonstration = true\n'
    "[services]\nanswer_within_s = 3.0\n"
)
NAME = "Zyzzogeton"
VIEW = "/cds-services/chartside-patient-view"


@pytest.fixture
def chart(
    demo_bundle: list[dict[str, Any]], open_chart: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """The demonstration patient under a name that is nowhere else, with a token."""
    patient = next(r for r in demo_bundle if r["resourceType"] == "Patient")
    patient["name"] = [{"family": NAME, "given": ["Quux"]}]
    token = {"access_token": "s3cret-t0ken", "token_type": "Bearer", "expires_in": 300,
             "scope": "x", "subject": "x"}  # fmt: skip
    server = "https://hospital.example/fhir"
    return {**open_chart(demo_bundle), "fhirServer": server, "fhirAuthorization": token}


def command(*arguments: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    more = ["--config", str(config)] if config else []
    return subprocess.run(
        [sys.executable, "-m", "cds_hooks", *arguments, *more],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
    )  # fmt: skip


def captured(folder: Path, count: int) -> list[Path]:
    """The files, once there are so many."""
    ends = time.monotonic() + 60
    while len(found := sorted(folder.glob("exchange-*.json"))) < count:
        assert time.monotonic() < ends, f"{len(found)} of {count} files"
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def capturing(to: str, folder: Path, *more: str) -> Iterator[tuple[str, list[str]]]:
    """`chartside capture` in front of a service: its address; what it said, once it has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cds_hooks", "capture", "--to", to, "--out", str(folder),
         "--port", "0", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ},
    )  # fmt: skip
    said: list[str] = []
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"listening on (http://127\.0\.0\.1:\d+); files are", first)
        assert found, first + process.stderr.read()
        said.append(first)
        yield found[1], said
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        said += [out, err]


def test_the_switch_of_the_service_writes_each_call_redacted_and_is_in_the_ledger(
    tmp_path: Path, chart: dict[str, Any]
) -> None:
    folder = tmp_path / "captures"
    with running_service(tmp_path, f'{SETTINGS}[capture]\nfolder = "{folder}"\n') as service:
        cards = service.hook(chart)["cards"]
        service.get("/cds-services")
        files = captured(folder, 2)
        hook = next(f for f in files if json.loads(f.read_text())["kind"] == "hook")
        told = command("audit", "query", "--type", "capture-started", "--json",
                       config=tmp_path / "chartside.toml")  # fmt: skip
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    text = hook.read_text()
    for secret in (NAME, "Quux", "s3cret", "demo-1", "consultations/"):
        assert secret not in text
    document = json.loads(text)
    assert document["service"] == "chartside-patient-view"
    assert [each["indicator"] for each in document["response"]["cards"]] == [
        each["indicator"] for each in cards
    ]
    assert document["served_by"]["template"].startswith("differential/")
    assert len(document["served_by"]["tables_sha256"]) == 64
    assert document["served_by"]["seed"] == "0"
    [record] = [json.loads(line) for line in told.stdout.splitlines()]
    assert record["details"] == {"by": "service", "redacted": True}
    assert record["user_ref"]


def test_a_captured_file_is_taken_wherever_a_bundle_is_and_replayed(
    tmp_path: Path, chart: dict[str, Any]
) -> None:
    folder = tmp_path / "captures"
    with running_service(tmp_path, SETTINGS) as service:
        with capturing(service.address, folder) as (proxy, said):
            answer = httpx.post(f"{proxy}{VIEW}", json=chart, timeout=60)
            assert answer.status_code == 200
            assert answer.json()["cards"]
            [file] = captured(folder, 1)
        assert "1 calls passed on; files: written 1" in said[-1]
        assert "Traceback" not in said[-1]
        sent = command("hook", "patient-view", "--bundle", str(file), "--url", service.address,
                       "--json")  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["cards"]
    mapped = command("map", str(file), "--json")
    assert len(json.loads(mapped.stdout)["facts"]) > 10
    config = tmp_path / "chartside.toml"
    replayed = command("replay", str(file), "--diff", "--json", config=config)
    told = json.loads(replayed.stdout)
    assert told["verdict"] in ("same", "explained"), told
    assert replayed.returncode == (0 if told["verdict"] == "same" else 1)


def test_a_file_is_compared_with_the_consultation_that_it_led_to(
    tmp_path: Path, chart: dict[str, Any]
) -> None:
    folder = tmp_path / "captures"
    config = tmp_path / "chartside.toml"
    told = ("--unredacted", "--reason", "a test", "--config", str(config))
    with (
        running_service(tmp_path, SETTINGS) as service,
        capturing(service.address, folder, *told) as (proxy, _),
    ):
        [card] = httpx.post(f"{proxy}{VIEW}", json=chart, timeout=60).json()["cards"]
        [file] = captured(folder, 1)
    document = json.loads(file.read_text())
    assert NAME in json.dumps(document)
    assert "s3cret" not in json.dumps(document)
    same = command("replay", str(file), "--against", card["uuid"], "--json", config=config)
    assert json.loads(same.stdout)["verdict"] == "same", same.stdout
    for key, value in document["request"]["prefetch"].items():
        entries = (value or {}).get("entry", [])
        kept = [e for e in entries if "saturation" not in json.dumps(e).lower()]
        if len(kept) < len(entries):
            document["request"]["prefetch"][key]["entry"] = kept
    file.write_text(json.dumps(document))
    changed = command("replay", str(file), "--against", card["uuid"], "--diff", config=config)
    assert "SpO2 90" in changed.stdout
    assert changed.returncode == 1, changed.stdout + changed.stderr
    assert re.search(r"because of fact removed V\d+", changed.stdout), changed.stdout
    started = command("audit", "query", "--type", "capture-started", "--json", config=config)
    assert json.loads(started.stdout)["details"]["reason"] == "a test"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--unredacted",), "without a reason"),
        (("--to", "http://cds.example"), "not sent in clear"),
        (("--out", "/proc/none/there"), "cannot be used"),
    ],
)
def test_what_may_not_be_captured_is_refused_before_anything_listens(
    tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    done = command("capture", "--to", "http://127.0.0.1:9", "--out", str(tmp_path / "c"), *more)
    assert done.returncode == 3
    assert told in done.stderr


@pytest.mark.long  # tests/replay asks the real model again, in this process
@pytest.mark.model
def test_the_same_request_replays_to_the_same_cards_with_the_real_model(
    tmp_path: Path, demo_bundle: list[dict[str, Any]]
) -> None:
    bundle, config = tmp_path / "chart.json", tmp_path / "chartside.toml"
    # A small part of the chart: what is proved does not depend on its size, the time does.
    few = ("Patient", "Encounter", "Condition")
    entry = [{"resource": each} for each in demo_bundle if each["resourceType"] in few]
    bundle.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entry}))
    config.write_text(
        f'[store]\npath = "{tmp_path}/r.sqlite"\nsite_key = "{tmp_path}/site.key"\n'
        "[services]\nsamples = 2\ndeadline_s = 500.0\n"
    )
    asked = command("hook", "patient-view", "--bundle", str(bundle), "--json", config=config)
    assert asked.returncode == 0, asked.stderr
    [card] = json.loads(asked.stdout)["cards"]
    again = command("replay", card["uuid"], "--model", "--json", config=config)
    told = json.loads(again.stdout)
    assert again.returncode == 0, told
    model = next(step for step in told["steps"] if step["step"] == "model")
    assert [sample["same"] for sample in model["samples"]] == [True, True]
    config.write_text(config.read_text() + "[model]\nseed = 99\n")
    other = command("replay", card["uuid"], "--model", "--json", config=config)
    steps = {step["step"]: step for step in json.loads(other.stdout)["steps"]}
    assert [(c["code"], c["what"], c["after"]) for c in steps["sampling"]["causes"]] == [
        ("sampling", "seed", "99")
    ]
    assert not steps["model"]["differs"]
    assert other.returncode in (0, 1)
