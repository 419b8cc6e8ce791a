"""`deploy/fhir_server.py` as somebody who tries the service runs it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import psutil
import pytest

pytestmark = pytest.mark.fhir_server


def test_the_program_serves_a_bundle_and_ends_with_its_server(
    fhir_server: Any, fhir_server_module: ModuleType, make: Any, tmp_path: Path
) -> None:
    chart = tmp_path / "chart.json"
    chart.write_text(json.dumps(make.bundle(make.patient("tried"))))
    command = [sys.executable, fhir_server_module.__file__, "--port", "0", str(chart)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = [program.stdout.readline().split()[-1] for _ in range(2)]
        children = psutil.Process(program.pid).children()
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0
    assert said[0] == "tried"
    assert said[1].startswith("http://127.0.0.1:")
    assert children
    assert not any(child.is_running() for child in children)


def test_an_open_one_asks_for_no_token_and_pages_of_any_origin_may_read_it(
    fhir_server_module: ModuleType, tmp_path: Path
) -> None:
    """As the CDS Hooks Sandbox reads it: from a browser, without a token."""
    command = [sys.executable, fhir_server_module.__file__, "--port", "0", "--open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = [program.stdout.readline().split()[-1] for _ in range(2)]
        origin = {"origin": "https://sandbox.cds-hooks.org"}
        url = f"{said[1]}/Encounter?patient={said[0]}"
        answer = httpx.get(url, headers=origin, trust_env=False)
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] in ("*", origin["origin"])
    # The demonstration's times are instants, as an EHR would have them.
    starts = [entry["resource"]["period"]["start"] for entry in answer.json()["entry"]]
    assert all(datetime.fromisoformat(start) for start in starts)


def test_a_port_that_is_taken_is_told(fhir_server_module: ModuleType) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = fhir_server_module.FhirServer(port=other.getsockname()[1])
        with pytest.raises(fhir_server_module.FhirServerError, match="--port"):
            server.__enter__()


def test_without_the_installer_it_says_what_to_do(
    fhir_server_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir_server_module, "SEKMET", tmp_path / "sekmet")
    monkeypatch.setattr(fhir_server_module, "UV", tmp_path / "uv")
    with pytest.raises(fhir_server_module.FhirServerError, match="make setup"):
        fhir_server_module.make_venv()


def test_a_server_that_ends_by_itself_is_told_from_one_that_is_slow(
    fhir_server_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir_server_module, "make_venv", lambda: None)
    monkeypatch.setattr(fhir_server_module, "SEKMET", Path("/bin/false"))
    server = fhir_server_module.FhirServer()
    with pytest.raises(fhir_server_module.FhirServerError, match="ended by itself"):
        server.__enter__()


def test_a_bundle_becomes_a_transaction_that_keeps_ids(fhir_server_module: ModuleType) -> None:
    urn = "urn:uuid:0d1b"
    patient = {"resourceType": "Patient", "id": "p"}
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": urn}}
    entry = [{"fullUrl": urn, "resource": patient}, {"resource": condition}, {}]
    made = fhir_server_module.as_transaction({"resourceType": "Bundle", "entry": entry})
    assert [e["request"]["url"] for e in made["entry"]] == ["Patient/p", "Condition/c"]
    assert made["entry"][1]["resource"]["subject"] == {"reference": "Patient/p"}
