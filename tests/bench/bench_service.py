"""What the service costs beside inference: a hook on a large chart, memory, and time to ready."""

from __future__ import annotations

import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil

from cds_hooks.cds_client.requests import hook_request, patient_id_of
from cds_hooks.services import REGISTRY
from tests.end_to_end.conftest import running_service

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT.parent / "shared" / "data" / "patients" / "synthea-r4"
TIMES = 15


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`; none of the chart where the sample data is not beside the checkout."""
    found = [_ready_and_memory()]
    bundle = _largest_below(1_300_000)
    if bundle is not None:
        found.append(_hook(bundle))
    return [row for group in found for row in group]


def _largest_below(limit: int) -> Path | None:
    files = sorted(BUNDLES.rglob("*.json"), key=lambda path: path.stat().st_size)
    fitting = [path for path in files if path.stat().st_size < limit]
    return fitting[-1] if fitting else None


def _row(name: str, values: list[float], unit: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "value": statistics.median(values),
        "unit": unit,
        "n": len(values),
        "minimum": min(values),
        "maximum": max(values),
        **more,
    }


def _ready_and_memory() -> list[dict[str, Any]]:
    ready, memory = [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            with running_service(Path(folder)) as service:
                _until_ready(service.address)
                ready.append(time.monotonic() - began)
                memory.append(psutil.Process(service.process.pid).memory_info().rss / 2**20)
    return [
        _row("from start to ready, embedded model", ready, "s"),
        _row("memory of the service process without the engine, at ready", memory, "MiB"),
    ]


def _until_ready(address: str) -> None:
    """Ask often and cheaply: who asks takes processor time from what starts."""
    host, port = address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    while True:
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return
        except ConnectionRefusedError:  # the port is bound, and nobody listens yet
            connection.close()
        time.sleep(0.02)


def _hook(bundle: Path) -> list[dict[str, Any]]:
    """A hook whose answer is on record: parse, gather, map, render, cards and store, no model."""
    resources = [entry["resource"] for entry in orjson.loads(bundle.read_bytes())["entry"]]
    patient_id = patient_id_of(resources)
    assert patient_id is not None
    body = hook_request(
        "patient-view", REGISTRY[0].prefetch, resources, patient_id=patient_id, encounter_id=None
    )
    raw = orjson.dumps(body)
    # Without recall, which would spare all that is to be measured (`bench_warm` has that).
    again = "[services]\nrecall_s = 0\n"
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), again) as service:
        service.until_ready()
        with httpx.Client(base_url=service.address, timeout=60) as client:
            _until_answered(client, raw)
            whole = [_milliseconds(lambda: _post(client, raw)) for _ in range(TIMES)]
        memory = psutil.Process(service.process.pid).memory_info().rss / 2**20
    parse = [_milliseconds(lambda: json.loads(raw)) for _ in range(TIMES)]
    against = f"json.loads of the body, {statistics.median(parse):.1f} ms"
    return [
        _row(f"hook without inference, {len(raw) / 1e6:.1f} MB body", whole, "ms", against=against),
        _row("memory of the service process after those hooks", [memory], "MiB"),
    ]


def _post(client: httpx.Client, raw: bytes) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return client.post("/cds-services/chartside-patient-view", content=raw, headers=headers)


def _until_answered(client: httpx.Client, raw: bytes, limit_s: float = 300) -> None:
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        cards = _post(client, raw).json()["cards"]
        if any("differential (AI)" in card["source"]["label"] for card in cards):
            return
        time.sleep(0.5)
    raise TimeoutError("the model did not answer")


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    result = work()
    took = 1000 * (time.perf_counter() - began)
    if isinstance(result, httpx.Response):
        assert result.status_code == 200, result.text
    return took
