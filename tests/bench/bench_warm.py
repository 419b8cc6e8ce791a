"""Hooks whose answer is on record, twenty at a time, beside an endpoint that only parses."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import orjson

from cds_hooks.cds_client.requests import hook_request, patient_id_of
from cds_hooks.services import REGISTRY
from tests.end_to_end.conftest import running_service

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT.parent / "shared" / "data" / "patients" / "synthea-r4"
AT_ONCE = 20
HOOKS = 600
ROUNDS = 3
PATH = "/cds-services/chartside-patient-view"
WANTED = 1_100_000


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`; none where the sample data is not beside the checkout."""
    files = sorted(BUNDLES.rglob("*.json"), key=lambda path: path.stat().st_size)
    if not files:
        return []
    body = _body(files[-1])
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        service.until_ready()
        _until_answered(service.address, body)
        bare = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare"], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert bare.stdout
            plain = f"http://127.0.0.1:{int(bare.stdout.readline())}"
            found = [(_burst(service.address, body), _burst(plain, body)) for _ in range(ROUNDS)]
        finally:
            bare.terminate()
            bare.wait()
    return _rows(found, len(body))


def _rows(found: list[tuple[Any, Any]], size: int) -> list[dict[str, Any]]:
    p99 = [1000 * _p99(took) for (took, _), _ in found]
    bare = [1000 * _p99(took) for _, (took, _) in found]
    ratio = [ours[1] / theirs[1] for ours, theirs in found]
    rate = statistics.median(theirs[1] for _, theirs in found)
    what = f"{size / 1e6:.1f} MB prefetch, {AT_ONCE} at a time"
    beside = f"p99 of the bare endpoint, {statistics.median(bare):.0f} ms"
    return [
        _row(f"warm hook, {what}: p99", p99, "ms", beside),
        _row(
            f"warm hook, {what}: throughput",
            ratio,
            "x",
            f"bare FastAPI with the json module, {rate:.0f} a second",
        ),
    ]


def _row(name: str, values: list[float], unit: str, against: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": statistics.median(values),
        "unit": unit,
        "n": len(values),
        "minimum": min(values),
        "maximum": max(values),
        "against": f"{against}; {HOOKS} hooks a round",
    }


def _p99(took: list[float]) -> float:
    return sorted(took)[int(0.99 * len(took))]


def _body(bundle: Path) -> bytes:
    """A hook about the largest patient, its results repeated until it is 1.1 MB."""
    resources = [entry["resource"] for entry in orjson.loads(bundle.read_bytes())["entry"]]
    patient_id = patient_id_of(resources)
    assert patient_id is not None
    body = hook_request(
        "patient-view", REGISTRY[0].prefetch, resources, patient_id=patient_id, encounter_id=None
    )
    entries = body["prefetch"]["laboratory"]["entry"]
    results = [dict(entry["resource"]) for entry in entries]
    for copy in range(1000):
        entries += [{"resource": {**each, "id": f"{each['id']}-{copy}"}} for each in results]
        if len(orjson.dumps(body)) > WANTED:
            break
    return orjson.dumps(body)


def _until_answered(address: str, body: bytes, limit_s: float = 600) -> None:
    ends = time.monotonic() + limit_s
    headers = {"content-type": "application/json"}
    while time.monotonic() < ends:
        cards = httpx.post(address + PATH, content=body, headers=headers, timeout=60).json()[
            "cards"
        ]
        if any("differential (AI)" in card["source"]["label"] for card in cards):
            return
        time.sleep(0.5)
    raise TimeoutError("the model did not answer")


def _burst(address: str, body: bytes) -> tuple[list[float], float]:
    """Seconds of each hook, and hooks a second."""
    left = iter(range(HOOKS))
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as clients:
        found = [clients.submit(_keep_asking, address, body, left) for _ in range(AT_ONCE)]
        took = [each for asked in found for each in asked.result()]
    return took, HOOKS / (time.monotonic() - began)


def _keep_asking(address: str, body: bytes, left: Iterator[int]) -> list[float]:
    """One connection of a client as cheap as can be, which would otherwise be what is measured:
    nothing of the body is copied or made again but the hook's instance."""
    host, port = address.removeprefix("http://").split(":")
    instance = orjson.loads(body)["hookInstance"].encode()
    before, after = body.split(instance, 1)
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    took = []
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in left:
            began = time.perf_counter()
            connection.sendall(head + before + str(uuid.uuid4()).encode())
            connection.sendall(after)
            _read_answer(connection)
            took.append(time.perf_counter() - began)
    return took


def _read_answer(connection: socket.socket) -> None:
    got = b""
    while b"\r\n\r\n" not in got:
        got += _received(connection)
    head, _, rest = got.partition(b"\r\n\r\n")
    head = head.lower()
    assert head.startswith(b"http/1.1 200"), head
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    while len(rest) < length:
        rest += _received(connection)


def _received(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 16)
    assert piece, "the connection was closed"
    return piece
