"""What an EHR, an operator and a reviewer see of a running service with a real model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.model]

Open = Callable[..., dict[str, Any]]
Start = Callable[..., AbstractContextManager[Any]]


def _differential(response: dict[str, Any]) -> dict[str, Any] | None:
    for card in response["cards"]:
        if "differential (AI)" in card["source"]["label"]:
            found: dict[str, Any] = card
            return found
    return None


def _until_differential(service: Any, body: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def is_pending() -> bool:
        card = _differential(service.hook(body))
        found.extend([card] if card else [])
        return card is not None

    service.wait_for(is_pending, 500)
    return found[0]


def test_the_demo_ends_with_a_differential_that_the_model_wrote_and_leaves_nothing_running(
    elsewhere: dict[str, Any], tmp_path: Path
) -> None:
    """From a folder that has nothing to do with the checkout."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    done = subprocess.run(
        [sys.executable, "-m", "cds_hooks", "demo", "--json"],
        capture_output=True,
        timeout=550,
        check=False,
        **elsewhere,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert list(elsewhere["cwd"].iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    played = json.loads(done.stdout)
    assert _differential(played["last"]) is not None
    assert played["consultation"]["samples"]
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert not [p for p in left if p.name().startswith("python")]


def test_a_chart_opens_and_the_differential_follows(
    service: Any, demo_bundle: list[dict[str, Any]], open_chart: Open
) -> None:
    card = _until_differential(service, open_chart(demo_bundle))
    assert len(card["summary"]) < 140
    assert "Demonstration model, not for care" in card["summary"] + card["detail"]
    assert len(card["detail"]) <= 900
    assert "suggestions" not in card
    tokens = MarkdownIt("commonmark").parse(card["detail"])
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in (*tokens, *inline)}
    assert not kinds & {"html_block", "html_inline", "image", "link_open"}


def test_feedback_on_a_card_is_taken_twice_and_kept_once(
    service: Any, demo_bundle: list[dict[str, Any]], open_chart: Open
) -> None:
    card = _until_differential(service, open_chart(demo_bundle))
    entry = {
        "card": card["uuid"],
        "outcome": "overridden",
        "outcomeTimestamp": "2026-01-01T00:00:00Z",
        "overrideReason": {"reason": {"code": "need-more-info", "system": "http://example.org"}},
    }
    path = "/cds-services/chartside-patient-view/feedback"
    for _ in range(2):
        assert service.post(path, {"feedback": [entry]}).status_code == 200


def test_probes_and_pages_answer(service: Any) -> None:
    assert service.get("/healthz").status_code == 200
    assert service.get("/readyz").json()["status"] == "ready"
    assert service.get("/version").json()["version"]
    assert "smollm2" in service.get("/basis").text.lower()
    assert b"chartside" in service.get("/metrics").content


def test_logs_and_metrics_hold_nothing_of_a_patient(
    service: Any, demo_bundle: list[dict[str, Any]], open_chart: Open
) -> None:
    marks = {
        "name": "Zylbersztejnova",
        "note": "quokkaquerulous",
        "allergy": "xanthosubstance",
        "id": "sentinel-patient-7731",
    }
    patient = {
        "resourceType": "Patient",
        "id": marks["id"],
        "name": [{"family": marks["name"]}],
        "birthDate": "1961-04-05",
        "gender": "male",
    }
    subject = {"reference": f"Patient/{marks['id']}"}
    resources = [
        patient,
        {
            "resourceType": "Condition",
            "id": "c",
            "code": {"text": marks["note"]},
            "subject": subject,
        },
        {
            "resourceType": "AllergyIntolerance",
            "id": "a",
            "code": {"text": marks["allergy"]},
            "patient": subject,
        },
    ]
    body = open_chart(resources, marks["id"])
    service.hook(body)
    broken = {**body, "context": {"patientId": f"{marks['id']}/../x", "userId": marks["name"]}}
    for path in (f"/cds-services/{marks['note']}", "/cds-services/chartside-patient-view"):
        assert service.post(path, broken).status_code >= 400
    service.get(f"/{marks['name']}?patient={marks['id']}")
    metrics = service.get("/metrics").text
    for mark in marks.values():
        assert mark not in service.log
        assert mark not in metrics


@pytest.mark.slow
def test_a_killed_engine_is_restarted_and_hooks_are_answered_meanwhile(
    start: Start, demo_bundle: list[dict[str, Any]], open_chart: Open
) -> None:
    with start("") as service:
        service.until_ready()
        [worker] = [
            child
            for child in psutil.Process(service.process.pid).children(recursive=True)
            if any("inference" in part for part in child.cmdline())
        ]
        os.kill(worker.pid, signal.SIGKILL)
        assert service.hook(open_chart(demo_bundle))["cards"] is not None
        service.until_ready()
        assert _until_differential(service, open_chart(demo_bundle))


@pytest.mark.parametrize(
    "fault",
    ["other", *(pytest.param(f, marks=pytest.mark.slow) for f in ("truncated", "not-gguf"))],
)
def test_a_wrong_model_file_is_named_and_hooks_are_answered_all_the_same(
    start: Start, tmp_path: Path, demo_bundle: list[dict[str, Any]], open_chart: Open, fault: str
) -> None:
    good = (ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf").read_bytes()
    path = tmp_path / "model.gguf"
    content = {"truncated": good[:1_000_000], "not-gguf": b"x" * 4096, "other": good + b"\0"}
    path.write_bytes(content[fault])
    digest = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    with start(f'[model]\npath = "{path}"\nsha256 = "{digest}"\n') as service:
        service.wait_for(lambda: "model-" in service.get("/readyz").text, 120)
        assert service.get("/readyz").status_code == 503
        assert service.hook(open_chart(demo_bundle))["cards"]


def test_stopping_ends_the_engine_too(start: Start) -> None:
    with start("") as service:
        service.until_ready()
        children = psutil.Process(service.process.pid).children(recursive=True)
        assert children
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
