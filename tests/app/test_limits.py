"""What is refused, how early, and that the service goes on: size, time, number, kind of bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from cds_hooks.app import AppConfig
from cds_hooks.app.server_settings import ServerSettings
from cds_hooks.protocol.cards import Response

VIEW = "/cds-services/chartside-patient-view"
SMALL = AppConfig(ServerSettings(max_body_bytes=1000))


class Wire:
    """A hand-made ASGI connection: pieces of a body in, messages out, everything counted."""

    def __init__(self, pieces: list[bytes], path: str = VIEW, **headers: str) -> None:
        self.pieces = list(pieces)
        self.read = 0
        self.sent: list[Any] = []
        named = {"content-type": "application/json"} | headers
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in named.items()
            ],
            "client": ("10.0.0.1", 1),
        }

    async def receive(self) -> dict[str, Any]:
        self.read += 1
        if not self.pieces:
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


async def pieces_of(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_a_body_that_announces_itself_too_large_is_not_waited_for(make_edge):
    edge = make_edge(config=SMALL)
    wire = Wire([b"x" * 500] * 3, content_length="1001")
    await edge.app(wire.scope, wire.receive, wire.send)
    assert wire.status == 413
    assert wire.headers["connection"] == "close"
    assert wire.sent[1]["body"].startswith(b'{"resourceType":"OperationOutcome"')
    assert edge.seen[0].code == "body-too-large"


async def test_a_body_without_a_length_is_refused_at_the_byte_past_the_limit(make_edge):
    edge = make_edge(config=SMALL)
    wire = Wire([b"x" * 100] * 30)
    await edge.app(wire.scope, wire.receive, wire.send)
    assert (wire.status, wire.headers["connection"]) == (413, "close")
    # The answer was whole on the wire before the rest of the body was thrown away.
    assert wire.sent[1]["body"]
    assert wire.sent[1]["more_body"] is True
    assert wire.sent[-1].get("body", b"") == b""
    assert not edge.asked


async def test_a_body_at_the_limit_is_read(make_edge, request_for):
    document = request_for(extension={"x": ""})
    document["extension"]["x"] = "y" * (1000 - len(orjson.dumps(document)))
    edge = make_edge(config=SMALL)
    body = orjson.dumps(document)
    assert len(body) == 1000
    assert (await edge.fire(body)).status_code == 200
    response = await edge.request(
        "POST", VIEW, content=pieces_of(body, 7), headers={"content-type": "application/json"}
    )
    assert response.status_code == 200


async def test_the_default_limit_is_16_mebibytes():
    assert AppConfig().limits.max_bytes == 16 * 1024 * 1024


async def test_a_body_that_does_not_arrive_is_given_up(make_edge):
    edge = make_edge(config=AppConfig(read_within_s=0.05))
    wire = Wire([])
    await edge.app(wire.scope, stalls_after_one(wire), wire.send)
    assert wire.status == 408
    assert edge.seen[0].code == "body-too-slow"


def stalls_after_one(wire: Wire) -> Any:
    async def receive() -> dict[str, Any]:
        if wire.read:
            await asyncio.Event().wait()
        wire.read += 1
        return {"type": "http.request", "body": b'{"hook":', "more_body": True}

    return receive


async def test_a_client_that_leaves_is_noted_and_the_service_goes_on(make_edge, request_for):
    edge = make_edge()
    wire = Wire([])

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    await edge.app(wire.scope, leaves, wire.send)
    assert edge.seen[0].code == "client-gone"
    assert edge.seen[0].fault == ""
    assert (await edge.fire(request_for())).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": ""},
        {"content_type": "application/xml; charset=SENTINEL"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_encoding": "gzip"},
    ],
)
async def test_other_content_is_415(edge, request_for, code_of, headers):
    response = await edge.post(VIEW, request_for(), **headers)
    assert (response.status_code, code_of(response)) == (415, "content-type-unsupported")
    assert "SENTINEL" not in response.text


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/fhir+json",
        "application/json; fhirVersion=4.0",
    ],
)
async def test_json_by_its_other_names_is_read(edge, request_for, content_type):
    response = await edge.post(VIEW, request_for(), content_type=content_type)
    assert response.status_code == 200


async def test_a_missing_content_type_is_415(make_edge):
    edge = make_edge()
    wire = Wire([b"{}"])
    wire.scope["headers"] = []
    await edge.app(wire.scope, wire.receive, wire.send)
    assert wire.status == 415
    assert wire.read == 0


class Gate:
    """An answer that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Semaphore(0)
        self.open = asyncio.Event()

    async def __call__(self, *_: Any) -> Response:
        self.entered.release()
        await self.open.wait()
        return Response()


async def waiting(edge: Any, gate: Gate, document: Any, count: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(edge.fire(document)) for _ in range(count)]
    for _ in range(count):
        await gate.entered.acquire()
    return tasks


async def test_past_the_bound_calls_are_refused_unread_and_all_others_answered(
    make_edge, request_for, code_of
):
    gate = Gate()
    edge = make_edge(gate, AppConfig(ServerSettings(max_in_flight=3), retry_after_s=7))
    tasks = await waiting(edge, gate, request_for(), 3)
    wire = Wire([b"{}"])
    await edge.app(wire.scope, wire.receive, wire.send)
    assert (wire.status, wire.read, wire.headers["retry-after"]) == (503, 0, "7")
    feedback = await edge.post(f"{VIEW}/feedback", {"feedback": []})
    assert (feedback.status_code, code_of(feedback)) == (503, "overloaded")
    for path in ("/cds-services", "/healthz", "/readyz", "/metrics"):
        assert (await edge.get(path)).status_code == 200
    gate.open.set()
    assert {response.status_code for response in await asyncio.gather(*tasks)} == {200}
    assert (await edge.fire(request_for())).status_code == 200


async def test_the_bodies_of_all_open_calls_together_are_bounded(make_edge, request_for, code_of):
    gate = Gate()
    document = request_for(extension={"x": "y" * 600})
    edge = make_edge(gate, AppConfig(ServerSettings(max_body_bytes=1000), max_held_bytes=2000))
    tasks = await waiting(edge, gate, document, 2)
    response = await edge.fire(document)
    assert (response.status_code, code_of(response)) == (503, "overloaded")
    gate.open.set()
    assert {response.status_code for response in await asyncio.gather(*tasks)} == {200}
    assert (await edge.fire(document)).status_code == 200


async def test_one_caller_may_be_bounded_by_429(make_edge, request_for, code_of):
    gate = Gate()
    edge = make_edge(gate, AppConfig(max_per_peer=1))
    tasks = await waiting(edge, gate, request_for(), 1)
    response = await edge.fire(request_for())
    assert (response.status_code, code_of(response)) == (429, "too-many-requests")
    assert response.headers["retry-after"] == "2"
    other = Wire([orjson.dumps(request_for())])
    calling = asyncio.create_task(edge.app(other.scope, other.receive, other.send))
    await gate.entered.acquire()
    gate.open.set()
    await asyncio.gather(calling, *tasks)
    assert other.status == 200


async def test_a_place_is_given_back_whatever_happens(make_edge, request_for):
    async def fails(*_: Any) -> Response:
        raise RuntimeError

    edge = make_edge(fails, AppConfig(ServerSettings(max_in_flight=1)))
    for _ in range(3):
        assert (await edge.fire(request_for())).status_code == 500
        assert (await edge.fire(b"no")).status_code == 400


@pytest.mark.parametrize(
    "options",
    [
        {"max_held_bytes": 1},
        {"retry_after_s": 0},
        {"max_per_peer": -1},
        {"read_within_s": 0},
        {"answer_at_most_s": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        AppConfig(**options)


def test_no_call_at_all_is_no_bound_of_a_server() -> None:
    with pytest.raises(ValueError, match="max_in_flight"):
        ServerSettings(max_in_flight=0)
    assert ServerSettings(max_in_flight=1).max_in_flight == 1
