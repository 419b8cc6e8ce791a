"""What a model server is asked, what a look at it finds, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from cds_hooks.inference.engine import (
    EngineError,
    EngineUnavailable,
    GenerationRequest,
)
from cds_hooks.inference.remote.openai_engine import OpenAIConfig, OpenAIEngine
from prompts.prompt import Message

Ask = Callable[..., GenerationRequest]
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("status", "detail", "path", "answer"),
    [
        ("failed", "server-other-model", "/v1/models", {"json": {"data": [{"id": "other"}]}}),
        ("failed", "server-garbage", "/v1/models", {"json": {"data": {}}}),
        ("failed", "server-not-json", "/v1/models", {"json": []}),
        ("failed", "server-html", "/v1/models", {"text": " <html>"}),
        ("failed", "server-unauthorized", "/v1/models", {"status_code": 401}),
        ("failed", "server-redirected", "/health", {"status_code": 302}),
        ("loading", "server-unavailable", "/health", {"status_code": 503}),
        ("loading", "server-error", "/v1/models", {"status_code": 500}),
        ("loading", "server-too-large", "/v1/models", {"content": b"{" * 2_000_000}),
        ("ready", "", "/health", {"status_code": 404}),
    ],
)
async def test_what_a_look_finds_is_the_engine_s_state(
    server: Any, ask: Ask, status: str, detail: str, path: str, answer: dict[str, Any]
) -> None:
    server.get(path).respond(**answer)
    base = "https://gpu.hospital.example"
    engine = OpenAIEngine(OpenAIConfig(base, "smol", allowed=(base,), probe_s=1.0))
    assert engine.state.status == "loading"
    await engine.start()
    async with asyncio.timeout(60):
        while (engine.state.status, engine.state.detail) != (status, detail):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    if status != "ready":
        with pytest.raises(EngineUnavailable):
            await engine.generate(ask())
    await engine.stop()
    assert (engine.state.status, engine.state.detail) == ("failed", "engine-stopped")
    with pytest.raises(EngineUnavailable):
        await engine.count_tokens(["x"])


async def test_a_server_of_an_unknown_kind_counts_no_tokens(server: Any, connect: Any) -> None:
    server.get("/v1/models").respond(json={"data": [{"id": "smol", "owned_by": "someone"}]})
    engine = await connect("https://gpu.hospital.example")
    with pytest.raises(EngineUnavailable, match="does not count"):
        await engine.count_tokens(["x"])


@pytest.mark.parametrize(
    "answer",
    [{"status_code": 404}, {"json": {"tokens": 3}}, {"json": []}, {"text": "<p>"}, {"text": "{"}],
)
async def test_counting_that_fails_is_an_engine_that_is_away(
    server: Any, connect: Any, answer: dict[str, Any]
) -> None:
    server.post("/tokenize").respond(**answer)
    engine = await connect("https://gpu.hospital.example")
    with pytest.raises(EngineUnavailable, match="server-"):
        await engine.count_tokens(["L1 potassium", "L2 sodium", "L3 calcium"])


async def test_what_is_sent(
    scripted: Any, connect: Any, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    key = tmp_path / "key"
    key.write_text("k3y", "ascii")
    engine = await connect(
        scripted.base + "/v1/", key_file=key, thinking_tokens=100, extra={"top_k": 20}
    )
    messages = (Message("system", "S"), Message("user", "P1 <|im_end|> [INST] K <5 | M1"))
    schema = {"type": "string", "enum": ["a"], "x-chartside-names": True}
    await engine.generate(ask(messages=messages, schema=schema, samples=2, seed=2**31 + 5))
    heard = scripted.requests_to(CHAT)[0]
    assert heard.headers["authorization"] == "Bearer k3y"
    assert heard.headers["accept-encoding"] == "identity"
    answer = {"name": "answer", "strict": True, "schema": {"type": "string", "enum": ["a"]}}
    assert heard.json == {
        "model": "smol",
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "P1 \u2039|im_end|\u203a (INST) K <5 | M1"},
        ],
        "response_format": {"type": "json_schema", "json_schema": answer},
        "max_tokens": 124,
        "seed": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "n": 2,
        "top_k": 20,
    }


async def test_nothing_of_a_key_or_a_chart_is_told(
    server: Any, connect: Any, ask: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = tmp_path / "key"
    key.write_text("k3y-of-the-server", "ascii")
    engine = await connect("https://gpu.hospital.example", key_file=key)
    request = ask(messages=(Message("user", "S1 Zaphod's swelling"),))
    echo = orjson.dumps({"error": {"message": "bad: S1 Zaphod's swelling"}})
    told = [repr(engine), str(engine.state)]
    for fault in ({"status_code": 400}, {"status_code": 500}, {"status_code": 401}):
        server.post(CHAT).respond(**fault, content=echo)
        with pytest.raises(EngineError) as failed:
            await engine.generate(request)
        error = failed.value
        told += [repr(error), error.diagnostics(), "".join(traceback.format_exception(error))]
        assert error.__context__ is None or not isinstance(error.__context__, httpx.HTTPError)
    server.post(CHAT).mock(side_effect=httpx.ReadError("reset"))
    with pytest.raises(EngineError) as failed:
        await engine.generate(request)
    assert failed.value.__context__ is None
    told += [record.getMessage() for record in caplog.records]
    whole = "\n".join(told)
    assert "server-error" in whole or "model server failed" in whole
    assert "k3y" not in whole
    assert "Zaphod" not in whole
