"""Which calls are handed to who records them: those that were let in, whole, and no others."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from starlette.responses import HTMLResponse

from cds_hooks.app import AppHandlers, Call, Readiness, create_app
from cds_hooks.capture import CallKind, Exchange
from cds_hooks.consultation import Caller
from cds_hooks.protocol.cards import Card, Response, Source
from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from tests.app.conftest import VIEW, hook_request

CARD = Card("One", "info", Source("Chartside"), uuid="c-1")


@pytest.fixture
def recorded() -> list[Exchange]:
    return []


@pytest.fixture
def send(recorded: list[Exchange]) -> Any:
    """A call of the application whose callers must say `good`."""

    async def identify(call: Call) -> Caller:
        if call.authorizations != ("good",):
            raise TokenRefused(TokenRefusal.MISSING)
        return Caller()

    async def answer(*_: Any) -> Response:
        return Response((CARD,))

    async def take(*_: Any) -> None:
        return None

    handlers = AppHandlers(
        answer=answer,
        record_feedback=take,
        ready=lambda: Readiness(ready=True),
        metrics=lambda: (b"", "text/plain"),
        basis=HTMLResponse,
        version={"version": "1"},
        observe=lambda _: None,
        identify=identify,
        record=recorded.append,
    )
    app = create_app(handlers)

    async def call(method: str, path: str, *, token: str = "good", **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://edge.test"
        ) as client:
            headers = {"Authorization": token, **more.pop("headers", {})}
            return await client.request(method, path, headers=headers, **more)

    return call


async def test_a_hook_is_recorded_with_its_answer_and_without_its_headers(
    send: Any, recorded: list[Exchange]
) -> None:
    body = hook_request()
    answer = await send("POST", VIEW, json=body)
    assert answer.status_code == 200
    [exchange] = recorded
    assert (exchange.kind, exchange.service) == (CallKind.HOOK, "chartside-patient-view")
    assert orjson.loads(exchange.request or b"") == body
    assert exchange.response == answer.content
    assert "good" not in repr(exchange)


async def test_discovery_and_what_the_service_refuses_are_recorded_too(
    send: Any, recorded: list[Exchange]
) -> None:
    await send("GET", "/cds-services")
    await send("POST", VIEW, json={"hook": 1})
    assert [(e.kind, e.status) for e in recorded] == [
        (CallKind.DISCOVERY, 200), (CallKind.HOOK, 400),
    ]  # fmt: skip


async def test_who_is_not_let_in_and_what_is_no_call_is_not_recorded(
    send: Any, recorded: list[Exchange]
) -> None:
    assert (await send("POST", VIEW, token="bad", json=hook_request())).status_code == 401
    plain = {"content-type": "text/plain"}
    assert (await send("POST", VIEW, content=b"{}", headers=plain)).status_code == 415
    assert (await send("GET", "/healthz")).status_code == 200
    assert recorded == []
