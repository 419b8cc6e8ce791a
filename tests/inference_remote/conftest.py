"""A real model server in a process of its own, and one that plays scripts of what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import respx

from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.remote.http_exchange import ConnectionBounds
from cds_hooks.inference.remote.openai_engine import OpenAIConfig, OpenAIEngine
from prompts.prompt import Message
from tests.model_server import ModelServer

SMALL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["finding"],
    "properties": {"finding": {"enum": ["high", "low", "normal"], "x-chartside-names": True}},
}


@pytest.fixture
def ask() -> Callable[..., GenerationRequest]:
    """`ask(samples=2, ...)` makes a small request."""

    def make(**changes: Any) -> GenerationRequest:
        fields: dict[str, Any] = {
            "messages": (
                Message("system", "Answer in JSON."),
                Message("user", "L1 potassium 6.1 mmol/L, high. Is it?"),
            ),
            "schema": SMALL,
            "max_tokens": 24,
            "seed": 3,
            "deadline_s": 60.0,
        }
        return GenerationRequest(**{**fields, **changes})

    return make


@pytest.fixture(scope="session")
def real_server(serve: Callable[..., ModelServer]) -> ModelServer:
    """One server for every test that does it no harm."""
    return serve()


Connect = Callable[..., Awaitable[OpenAIEngine]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """`await connect(base, ...)` is a started engine that has settled; all are stopped."""
    engines: list[OpenAIEngine] = []

    async def start(base: str, *, tls: ssl.SSLContext | None = None, **changes: Any) -> Any:
        fields: dict[str, Any] = {
            "base_url": base,
            "model": "smol",
            "allowed": (base,),
            "sha256": "ab" * 32,
            "probe_s": 2.0,
            "tokenize_s": 10.0,
            "bounds": ConnectionBounds(first_s=20.0, stall_s=10.0),
            **changes,
        }
        engine = OpenAIEngine(OpenAIConfig(**fields), tls=tls)
        engines.append(engine)
        await engine.start()
        async with asyncio.timeout(20):
            await engine.wait_until_settled()
        return engine

    yield start
    for engine in engines:
        await engine.stop()


@dataclass
class Heard:
    """A request that the scripted server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return orjson.loads(self.body)


Play = Callable[["Scripted", Heard, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scripted:
    """A raw server on loopback: up and well, but for what `plays` has for a path."""

    plays: dict[str, Play] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    serving: set[asyncio.Task[Any]] = field(default_factory=set)
    port: int = 0

    @property
    def base(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def requests_to(self, path: str) -> list[Heard]:
        """The requests for a path."""
        return [heard for heard in self.heard if heard.path == path]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        try:
            while (heard := await _request(reader)) is not None:
                self.heard.append(heard)
                await self.plays.get(heard.path, well)(self, heard, reader, writer)
                if writer.is_closing():
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.serving.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Heard | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Heard(method, path, headers, body)


async def well(
    _server: Scripted, heard: Heard, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """What a server that is well says of itself, and one whole answer."""
    if heard.path == "/v1/models":
        card = {"id": "smol", "object": "model", "owned_by": "vllm"}
        writer.write(answer(orjson.dumps({"object": "list", "data": [card]})))
    elif heard.path == "/v1/chat/completions":
        writer.write(answer(whole_answer(), kind="text/event-stream"))
    else:
        writer.write(answer(b"{}"))
    await writer.drain()


def answer(
    body: bytes, status: str = "200 OK", kind: str = "application/json", **more: str
) -> bytes:
    """An HTTP answer."""
    headers = {"content-type": kind, "content-length": str(len(body)), **more}
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def event(
    content: str | None = None, *, index: int = 0, finish: str | None = None, **more: Any
) -> bytes:
    """One event of a streamed answer."""
    delta = {} if content is None else {"content": content}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    chunk = {"model": "smol", "choices": [choice], **more}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def whole_answer(text: str = '{"finding":"high"}') -> bytes:
    """All events of one answer."""
    usage = {"prompt_tokens": 20, "completion_tokens": 7}
    last = b"data: " + orjson.dumps({"model": "smol", "choices": [], "usage": usage}) + b"\n\n"
    return event(text) + event(finish="stop") + last + b"data: [DONE]\n\n"


@pytest.fixture
def says() -> Any:
    """The parts of a server's answers: `.answer`, `.event`, `.whole_answer`, `.well`."""

    class Says:
        answer = staticmethod(answer)
        event = staticmethod(event)
        whole_answer = staticmethod(whole_answer)
        well = staticmethod(well)

    return Says


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A scripted server on a free port of this machine."""
    script = Scripted()
    server = await asyncio.start_server(script.connected, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    yield script
    server.close()
    for task in (serving := list(script.serving)):
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


@pytest.fixture
def server() -> Any:
    """A server played by respx, whose chat alone is left to the test."""
    with respx.mock(base_url="https://gpu.hospital.example", assert_all_called=False) as router:
        router.get("/health").respond(200)
        models = {"data": [{"id": "smol", "owned_by": "vllm"}]}
        router.get("/v1/models").respond(json=models)
        router.get("/version").respond(json={"version": "0.99"})
        yield router
