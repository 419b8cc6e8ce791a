"""A router in front of model servers, which does what documentation of real ones says they do.

Round robin, headers of its own, refusals when busy (429 or 503 with Retry-After), and, switched on
by a test: a cache of answers, a fallback to another model, dropped fields, compression.
It passes on what it does not change, and gives up its own request when its client does.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

_OURS = {"x-router-backend": "", "x-request-id": "r-1", "via": "1.1 router"}


@dataclass
class Manners:
    """What it does beside routing."""

    most: int = 0
    """Requests at one time; past it `refusal`; 0: any number."""
    refusal: int = 429
    retry_after: str = "1"
    cache: str = ""
    """`exact`: by the messages; `semantic`: by their beginning."""
    fallback: str = ""
    drops: tuple[str, ...] = ()
    compresses: bool = False
    largest: int = 1 << 24


@dataclass
class Router:
    """A running one: its port, and what it has done."""

    backends: Sequence[str]
    manners: Manners = field(default_factory=Manners)
    port: int = 0
    open: int = 0
    asked: list[str] = field(default_factory=list)
    given_up: int = 0
    kept: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def models(self, _: Request) -> Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            told = (await http.get(f"{self.backends[0]}/v1/models")).json()
        return JSONResponse(told, headers=_OURS)

    async def chat(self, request: Request) -> Response:
        raw, manners = await request.body(), self.manners
        if len(raw) > manners.largest:
            return _error(413, "Payload Too Large")
        if manners.most and self.open >= manners.most:
            return _error(manners.refusal, "busy", {"retry-after": manners.retry_after})
        body = orjson.loads(raw)
        if manners.fallback:
            body["model"] = manners.fallback
        for name in manners.drops:
            body.pop(name, None)
        question = orjson.dumps(body["messages"])
        question = question[:100] if manners.cache == "semantic" else question
        if manners.cache and question in self.kept:
            return Response(self.kept[question], media_type="text/event-stream")
        backend = self.backends[len(self.asked) % len(self.backends)]
        self.asked.append(backend)
        self.open += 1
        pieces = self._pieces(backend, body, question)
        headers = {**_OURS, "x-router-backend": str(self.backends.index(backend))}
        if manners.compresses:
            whole = b"".join([piece async for piece in pieces])
            headers["content-encoding"] = "gzip"
            whole = gzip.compress(whole)
            return Response(whole, media_type="text/event-stream", headers=headers)
        return StreamingResponse(pieces, media_type="text/event-stream", headers=headers)

    async def _pieces(self, backend: str, body: Any, question: bytes) -> AsyncIterator[bytes]:
        whole, done = bytearray(), False
        try:
            timeout = httpx.Timeout(300.0)
            async with (
                httpx.AsyncClient(trust_env=False, timeout=timeout) as http,
                http.stream("POST", f"{backend}/v1/chat/completions", json=body) as answer,
            ):
                async for piece in answer.aiter_raw():
                    whole += piece
                    yield piece
            done = True
            self.kept.setdefault(question, bytes(whole))
        finally:
            self.open -= 1
            self.given_up += not done


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    told = {"error": {"message": message, "type": "router", "code": status}}
    return JSONResponse(told, status, {**_OURS, **(headers or {})})


@asynccontextmanager
async def routing(backends: Sequence[str], manners: Manners) -> AsyncIterator[Router]:
    """A router in a thread of its own, so that it goes on while the test waits."""
    router = Router(backends, manners)
    routes = [
        Route("/v1/models", router.models),
        Route("/v1/chat/completions", router.chat, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    await asyncio.to_thread(until, lambda: server.started, 60)
    router.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield router
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, 10)


def until(true: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        time.sleep(0.02)
