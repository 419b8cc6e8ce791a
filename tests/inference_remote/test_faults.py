"""Every way in which a model server goes wrong ends in its own code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineUnavailable,
    GenerationRequest,
    PromptTooLong,
    QueueFull,
)
from cds_hooks.inference.remote.http_exchange import ConnectionBounds

Ask = Callable[..., GenerationRequest]
CHAT = "/v1/chat/completions"
SSE = "text/event-stream"
QUICK = ConnectionBounds(connect_s=1.0, first_s=0.4, stall_s=0.3, max_bytes=20_000)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def plays(*parts: bytes | float | str) -> Any:
    """A play: bytes are sent, numbers are seconds of silence, `close` and `reset` end it."""

    async def play(
        _server: Any, _heard: Any, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for part in parts:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            elif part == "half-close":
                writer.write_eof()
            elif part == "reset":
                writer.transport.abort()
            else:
                await asyncio.sleep(float(part))
        writer.close()

    return play


async def code_of(engine: Any, request: GenerationRequest) -> str:
    with pytest.raises(EngineError) as failed:
        await engine.generate(request)
    return failed.value.code


BEGUN = HEAD + chunked(b'data: {"choices":[{"index":0,"delta":{"content":"{\\"f"}}]}\n\n')
NUMBER = b'data: {"choices":[{"index":0,"delta":{"content":1}}]}\n\n'
CONTEXT = b'data: {"error":{"type":"exceed_context_size_error"}}\n\n'
RAW = [
    ("server-not-http", [b"\x16\x03\x01garbage\r\n\r\n"]),
    ("server-not-http", [BEGUN, b"ZZZZ\r\nnot a chunk size\r\n"]),
    ("server-connection-lost", []),
    ("server-connection-lost", [b"HTTP/1.1 200 OK\r\nconte"]),
    ("server-connection-lost", ["reset"]),
    ("server-closed-early", [BEGUN]),
    ("server-closed-early", [BEGUN, "half-close", 0.1]),
    ("server-closed-early", [BEGUN, "reset"]),
    ("server-closed-early", [BEGUN + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"]),
    ("server-closed-early", [HEAD + b"0\r\n\r\n"]),
    ("server-stalled", [5.0]),
    ("server-stalled", [HEAD, 5.0]),
    ("server-stalled", [BEGUN, 5.0]),
    ("server-not-json", [HEAD + chunked(b"data: {nope}\n\n")]),
    ("server-not-json", [HEAD + chunked(b'data: "\xff"\n\n')]),
    ("server-garbage", [HEAD + chunked(b"data: []\n\n")]),
    ("server-garbage", [HEAD + chunked(b'data: {"choices":[{"index":1,"delta":{}}]}\n\n')]),
    ("server-garbage", [HEAD + chunked(b'data: {"choices":[{"index":0}]}\n\n')]),
    ("server-garbage", [HEAD + chunked(b'data: {"choices":{}}\n\n')]),
    ("server-garbage", [HEAD + chunked(NUMBER)]),
    ("server-reported-error", [BEGUN + chunked(b'data: {"error":{"message":"x"}}\n\n')]),
    ("server-other-model", [HEAD + chunked(b'data: {"model":"other","choices":[]}\n\n')]),
    ("server-too-large", [HEAD + chunked(b": ping\n" * 4000)]),
    ("prompt-too-long", [HEAD + chunked(CONTEXT)]),
    (
        "server-aborted-answer",
        [HEAD + chunked(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}\n\n')
         + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "parts"), RAW)
async def test_each_fault_on_the_wire_has_its_code(
    scripted: Any, connect: Any, ask: Ask, code: str, parts: list[Any]
) -> None:
    engine = await connect(scripted.base, bounds=QUICK)
    scripted.plays[CHAT] = plays(*parts)
    assert await code_of(engine, ask()) == code
    assert len(scripted.requests_to(CHAT)) == 1, "nothing that was sent is sent again"


TOO_LONG = {"message": "This model's maximum context length is 4096 tokens", "code": 400}
ANSWERS = [
    ("server-redirected", {"status_code": 301, "headers": {"Location": "https://elsewhere.example"}}),
    ("server-redirected", {"status_code": 307, "headers": {"Location": CHAT}}),
    ("server-refused-request", {"status_code": 400, "json": {"error": {"message": "no"}}}),
    ("server-refused-request", {"status_code": 422}),
    ("prompt-too-long", {"status_code": 400, "json": {"error": TOO_LONG}}),
    ("server-unauthorized", {"status_code": 401}),
    ("server-forbidden", {"status_code": 403}),
    ("server-not-found", {"status_code": 404}),
    ("server-unexpected-status", {"status_code": 418}),
    ("server-unexpected-status", {"status_code": 204}),
    ("server-error", {"status_code": 500, "text": "Traceback: L1 potassium 6.1"}),
    ("server-error", {"status_code": 502, "html": "<h1>Bad gateway</h1>"}),
    ("server-unavailable", {"status_code": 503}),
    ("overloaded", {"status_code": 429}),
    ("server-html", {"html": "<!doctype html><h1>Sign in</h1>"}),
    ("server-content-type", {"text": "{}"}),
    ("server-content-type", {"content": b"data: {}\n\n"}),
    ("server-compressed", {"content": b"x", "headers": {"Content-Encoding": "br"}}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "answer"), ANSWERS)
async def test_each_wrong_answer_has_its_code(
    server: Any, connect: Any, ask: Ask, code: str, answer: dict[str, Any]
) -> None:
    engine = await connect("https://gpu.hospital.example")
    route = server.post(CHAT).respond(**answer)
    assert await code_of(engine, ask()) == code
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("server-connection-lost", httpx.ReadError("reset")),
        ("server-connection-lost", httpx.WriteError("broken pipe")),
        ("server-stalled", httpx.WriteTimeout("slow")),
        ("server-not-http", httpx.RemoteProtocolError("illegal status line")),
    ],
)
async def test_what_may_have_been_taken_is_not_sent_again(
    server: Any, connect: Any, ask: Ask, code: str, fault: Exception
) -> None:
    engine = await connect("https://gpu.hospital.example")
    route = server.post(CHAT).mock(side_effect=fault)
    assert await code_of(engine, ask()) == code
    assert route.call_count == 1


@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")])
async def test_what_was_never_sent_is_tried_again(
    server: Any, connect: Any, ask: Ask, says: Any, fault: Exception
) -> None:
    engine = await connect("https://gpu.hospital.example")
    good = httpx.Response(200, content=says.whole_answer(), headers={"Content-Type": SSE})
    route = server.post(CHAT).mock(side_effect=[fault, good])
    assert (await engine.generate(ask())).samples[0].finish == "stop"
    assert route.call_count == 2

    route.mock(side_effect=fault)
    assert await code_of(engine, ask()) == "server-unreachable"
    assert route.call_count == 5
    assert engine.state.status != "ready"
    with pytest.raises(EngineUnavailable, match="restarting"):
        await engine.generate(ask())


@pytest.mark.parametrize("status", [429, 503])
async def test_who_says_when_to_come_back_is_asked_then(
    server: Any, connect: Any, ask: Ask, says: Any, status: int
) -> None:
    engine = await connect("https://gpu.hospital.example")
    busy = httpx.Response(status, headers={"Retry-After": "0"})
    good = httpx.Response(200, content=says.whole_answer(), headers={"Content-Type": SSE})
    route = server.post(CHAT).mock(side_effect=[busy, good])
    assert (await engine.generate(ask())).samples[0].finish == "stop"
    assert route.call_count == 2


@pytest.mark.parametrize("after", ["30", "Fri, 31 Dec 2027 23:59:59 GMT", "-1", "x"])
async def test_nobody_waits_beyond_the_deadline_or_for_nonsense(
    server: Any, connect: Any, ask: Ask, after: str
) -> None:
    engine = await connect("https://gpu.hospital.example")
    route = server.post(CHAT).respond(503, headers={"Retry-After": after})
    assert await code_of(engine, ask(deadline_s=5.0)) == "server-unavailable"
    assert route.call_count == 1


async def test_errors_are_of_the_classes_that_callers_know(
    server: Any, connect: Any, ask: Ask
) -> None:
    engine = await connect("https://gpu.hospital.example")
    kinds = {400: PromptTooLong, 429: QueueFull, 503: EngineUnavailable}
    for status, kind in kinds.items():
        server.post(CHAT).respond(status, text="context length")
        with pytest.raises(kind):
            await engine.generate(ask())


async def test_the_deadline_is_no_fault_of_the_server_s(
    scripted: Any, connect: Any, ask: Ask
) -> None:
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = plays(BEGUN, 5.0)
    with pytest.raises(DeadlinePassed):
        await engine.generate(ask(deadline_s=0.3))


async def test_a_cancelled_request_closes_its_connection(
    scripted: Any, connect: Any, ask: Ask
) -> None:
    async def endless(
        server: Any, _heard: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(BEGUN)
        assert await reader.read() == b""
        server.hung_up.set()
        writer.close()

    engine = await connect(scripted.base)
    scripted.plays[CHAT] = endless
    task = asyncio.create_task(engine.generate(ask()))
    while not scripted.requests_to(CHAT):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        await scripted.hung_up.wait()


async def test_what_happens_behind_the_end_of_an_answer_is_nothing_to_it(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    engine = await connect(scripted.base)
    for behind in ("reset", b"garbage", 5.0):
        scripted.plays[CHAT] = plays(HEAD, chunked(says.whole_answer()), 0.05, behind)
        assert (await engine.generate(ask())).samples[0].finish == "stop"


async def test_samples_that_came_whole_are_kept(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    whole = says.event("{}", index=0) + says.event(index=0, finish="stop")
    half = says.event('{"f', index=1)
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = plays(HEAD, chunked(whole + half))
    samples = (await engine.generate(ask(samples=3))).samples
    assert [(s.text, s.finish) for s in samples] == [
        ("{}", "stop"),
        ('{"f', "server-closed-early"),
        ("", "server-closed-early"),
    ]


async def test_a_server_that_refuses_several_samples_is_asked_for_each(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    async def one_only(server: Any, heard: Any, reader: Any, writer: Any) -> None:
        if "n" in heard.json:
            writer.write(says.answer(b"{}", "400 Bad Request"))
        else:
            await says.well(server, heard, reader, writer)

    engine = await connect(scripted.base)
    scripted.plays[CHAT] = one_only
    assert len((await engine.generate(ask(samples=2, seed=7))).samples) == 2
    bodies = [heard.json for heard in scripted.requests_to(CHAT)]
    assert sorted((body.get("n"), body["seed"]) for body in bodies[1:]) == [(None, 7), (None, 8)]
    await engine.generate(ask(samples=2))
    assert all("n" not in heard.json for heard in scripted.requests_to(CHAT)[1:])


async def test_a_request_that_is_refused_either_way_is_the_request_s_fault(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = plays(says.answer(b"{}", "400 Bad Request"))
    assert await code_of(engine, ask(samples=2)) == "server-refused-request"
    del scripted.plays[CHAT]
    await engine.generate(ask(samples=2))
    assert scripted.requests_to(CHAT)[3].json["n"] == 2


async def test_more_requests_than_allowed_are_refused_at_once(
    scripted: Any, connect: Any, ask: Ask
) -> None:
    engine = await connect(scripted.base, in_flight=1)
    scripted.plays[CHAT] = plays(HEAD, 5.0)
    first = asyncio.create_task(engine.generate(ask()))
    while engine.state.running != 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    with pytest.raises(QueueFull):
        await engine.generate(ask())
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert engine.state.running == 0
