"""The real ASGI application around plain answer functions, and a real server around it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from starlette.responses import HTMLResponse

from cds_hooks.app import AppConfig, AppHandlers, Exchange, Readiness, create_app
from cds_hooks.protocol.cards import Card, Response, Source
from cds_hooks.services import REGISTRY

CARD = Card("Two diagnoses to consider", "info", Source("Chartside"), uuid="c-1", detail="*none*")
VIEW = "/cds-services/chartside-patient-view"


class Edge:
    """An application with handlers that remember, asked over ASGI without a network."""

    def __init__(
        self,
        answer: Any = None,
        config: AppConfig | None = None,
        ready: Readiness | None = None,
        record: Any = None,
        services: Any = REGISTRY,
        lifespan: Any = None,
        identify: Any = None,
    ) -> None:
        self.asked: list[Any] = []
        self.recorded: list[Any] = []
        self.judged: list[Any] = []
        self.seen: list[Exchange] = []
        self._answer = answer or Response((CARD,))
        self._record = record
        self._known: Callable[[bytes], Any] = lambda _: None
        self._ready = ready or Readiness(ready=True, checks={"model": "ok"})
        handlers = AppHandlers(
            answer=self._ask,
            record_feedback=self._take,
            ready=lambda: self._ready,
            metrics=lambda: (b"chartside_up 1\n", "text/plain; version=0.0.4; charset=utf-8"),
            basis=lambda: HTMLResponse("<p>On what the answers rest.</p>"),
            version={"version": "1.2.3"},
            observe=self.seen.append,
            services=services,
            judge=self._judge,
            reasons=frozenset({"need-more-info"}),
            consultation=self._page,
            lifespan=lifespan,
            identify=identify,
            known=lambda digest: self._known(digest),
        )
        self.app = create_app(handlers, config)

    def remember(self, known: Callable[[bytes], Any]) -> None:
        """From now on `known` gives the requests that were read before."""
        self._known = known

    async def _judge(self, *args: Any) -> None:
        self.judged.append(args[:3])

    async def _page(self, link: str) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><title>One</title>{len(link)}")

    async def _ask(self, *args: Any) -> Response:
        self.asked.append(args)
        if callable(self._answer):
            return await self._answer(*args)
        return self._answer

    async def _take(self, *args: Any) -> None:
        self.recorded.append(args)
        if self._record:
            await self._record(*args)

    async def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://edge.test") as client:
            return await client.request(method, path, **kwargs)

    async def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self.request("GET", path, **kwargs)

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        named = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await self.request("POST", path, content=content, headers=named)

    async def fire(self, body: Any, path: str = VIEW) -> httpx.Response:
        return await self.post(path, body)

    def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """The same for tests that are not coroutines."""
        return asyncio.run(self.request(method, path, **kwargs))


@pytest.fixture(scope="session")
def make_edge() -> type[Edge]:
    return Edge


@pytest.fixture
def edge() -> Edge:
    return Edge()


def hook_request(hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    context = {"userId": "Practitioner/p1", "patientId": "1288992", "encounterId": "89284"}
    document = {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
        "prefetch": {"patient": {"resourceType": "Patient", "id": "1288992"}},
    }
    return {key: value for key, value in (document | changes).items() if value is not ...}


@pytest.fixture(scope="session")
def request_for() -> Callable[..., dict[str, Any]]:
    """A hook request; a keyword replaces a member, `...` takes it away."""
    return hook_request


def error_code(response: httpx.Response) -> str:
    document = response.json()
    assert document["resourceType"] == "OperationOutcome"
    return document["issue"][0]["details"]["coding"][0]["code"]


@pytest.fixture(scope="session")
def code_of() -> Callable[[httpx.Response], str]:
    """The stable code in the OperationOutcome of a response."""
    return error_code


class Served:
    """uvicorn in a thread, on a free loopback port."""

    def __init__(self, app: Any, **options: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(app, log_config=None, access_log=False, **options)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start a server around an application; all are stopped at the end of the test."""
    started: list[Served] = []

    def start(app: Any, **options: Any) -> Served:
        started.append(Served(app, **options))
        return started[-1]

    yield start
    for served in started:
        served.stop()
