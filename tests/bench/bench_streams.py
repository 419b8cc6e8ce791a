"""What 50 open streams of pages cost hooks: throughput with and without them, turn by turn.

Both are measured in one run against one service. What else runs on the machine still shows in the
spread, so the processor time of the streams by themselves is told too: of a service that is busy
with hooks they take that share of its one core.
"""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import psutil

from tests.bench.console_service import console_service

STREAMS = 50
CLIENTS = 4
ROUNDS = 8
SECONDS = 2.0
HOOK = "/cds-services/chartside-patient-view"


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`: for each kind of stream the ratio of hooks a second, aim 0.9."""
    with console_service() as told:
        place = told["url"].removeprefix("http://")
        body = json.dumps(told["body"]).encode()
        _hooks_a_second(place, body)  # nothing is warm before
        found = []
        cookie = "; ".join(f"{each['name']}={each['value']}" for each in told["cookies"])
        for kind, path in told["streams"].items():
            found += _measured(kind, place, body, path, cookie)
            found.append(_processor_time(kind, told["pid"], place, path, cookie))
        return found


def _measured(
    kind: str, place: str, body: bytes, path: str, cookie: str
) -> Iterator[dict[str, Any]]:
    without, beside = [], []
    for turn in range(ROUNDS):
        # Each comes first as often as the other.
        for with_streams in ((False, True), (True, False))[turn % 2]:
            if with_streams:
                with _open_streams(place, path, cookie):
                    beside.append(_hooks_a_second(place, body))
            else:
                without.append(_hooks_a_second(place, body))
    ratios = [one / other for one, other in zip(beside, without, strict=True)]
    alone = f"the same without streams, {statistics.median(without):.0f} hooks/s (aim 0.9)"
    yield _row(f"hooks/s beside {STREAMS} {kind} streams", beside, "1/s")
    yield _row(f"hooks/s beside {STREAMS} {kind} streams, of those without", ratios, "x", alone)


def _processor_time(kind: str, pid: int, place: str, path: str, cookie: str) -> dict[str, Any]:
    """What the streams alone cost, less what the service costs without them."""
    service, shares = psutil.Process(pid), []
    for _ in range(ROUNDS // 2):
        idle = _share_of_a_core(service)
        with _open_streams(place, path, cookie):
            shares.append(_share_of_a_core(service) - idle)
    name = f"processor time of {STREAMS} {kind} streams, without hooks"
    return _row(name, shares, "cores", "the service without streams (aim at most 0.1)")


def _share_of_a_core(service: psutil.Process) -> float:
    before, began = sum(service.cpu_times()[:2]), time.monotonic()
    time.sleep(SECONDS)
    return (sum(service.cpu_times()[:2]) - before) / (time.monotonic() - began)


def _row(name: str, values: list[float], unit: str, against: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "value": statistics.median(values),
        "unit": unit,
        "n": len(values),
        "minimum": min(values),
        "maximum": max(values),
        **({"against": against} if against else {}),
    }


def _hooks_a_second(place: str, body: bytes) -> float:
    counts, began = [0] * CLIENTS, time.monotonic()
    threads = [
        threading.Thread(target=_send, args=(place, body, counts, client, began + SECONDS))
        for client in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


def _send(place: str, body: bytes, counts: list[int], client: int, ends: float) -> None:
    connection = HTTPConnection(place, timeout=60)
    while time.monotonic() < ends:
        connection.request("POST", HOOK, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        counts[client] += 1
    connection.close()


@contextmanager
def _open_streams(place: str, path: str, cookie: str) -> Iterator[None]:
    """So many streams, each of which has said something, read by a thread until the end."""
    host, _, port = place.partition(":")
    head = f"GET {path} HTTP/1.1\r\nHost: {place}\r\nAccept: text/event-stream\r\n"
    head += f"Cookie: {cookie}\r\n\r\n"
    opened = [socket.create_connection((host, int(port)), 60) for _ in range(STREAMS)]
    try:
        for stream in opened:
            stream.sendall(head.encode())
        for stream in opened:
            first = stream.recv(4096)
            assert b" 200 " in first, first[:200]
        ending = threading.Event()
        reading = threading.Thread(target=_read, args=(opened, ending))
        reading.start()
        try:
            yield
        finally:
            ending.set()
            reading.join()
    finally:
        for stream in opened:
            stream.close()


def _read(opened: list[socket.socket], ending: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for stream in opened:
            selector.register(stream, selectors.EVENT_READ)
        while not ending.is_set():
            for key, _ in selector.select(0.2):
                stream = key.fileobj
                assert isinstance(stream, socket.socket)
                if not stream.recv(65536):
                    raise AssertionError("a stream ended while it was measured")
