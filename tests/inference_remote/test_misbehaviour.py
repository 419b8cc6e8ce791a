"""What servers were reported to do wrong, played again: each ends by its own code, and in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from cds_hooks.inference.engine import EngineError, GenerationRequest
from cds_hooks.inference.remote.misbehaviour import code_in, misbehaviours
from cds_hooks.inference.remote.server_faults import OF_THE_MODEL, FaultCode, fault_error
from cds_hooks.inference.replicas import Replicas
from tests.inference_remote.recordings import RECORDINGS, Recording, deltas, events_of, unstreamed

Ask = Callable[..., GenerationRequest]
CHAT = "/v1/chat/completions"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
KNOWN = {known.code: known for known in misbehaviours().misbehaviour}
# What stands beside an answer, or is learned and said, and ends nothing.
REMARKS = {"server-did-not-think", "server-refused-priority"}


class Sent:
    """How much of a recording a server could send, and whether it was hung up on."""

    def __init__(self) -> None:
        self.events = 0
        self.hung_up = asyncio.Event()


def plays(recording: Recording, sent: Sent) -> Any:
    """A server that sends a recording, and goes on until it is hung up on."""

    async def play(_server: Any, _heard: Any, reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        try:
            for event in events_of(recording):
                writer.write(event)
                await writer.drain()
                sent.events += 1
                await asyncio.sleep(0)
            if not recording.finish:
                await reader.read()
        finally:
            sent.hung_up.set()
            writer.close()

    return play


def says_whole(recording: Recording, says: Any) -> Any:
    """A server that sends it as one document, or refuses."""
    status, body = recording.error or ("200 OK", unstreamed(recording))

    async def play(_server: Any, _heard: Any, _reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(says.answer(body, status))
        await writer.drain()

    return play


async def failed(engine: Any, request: GenerationRequest) -> EngineError:
    with pytest.raises(EngineError) as error:
        await engine.generate(request)
    return error.value


def right(error: EngineError, code: str) -> None:
    """The code, the switch to set, and where; nothing that a server said."""
    assert error.code == code
    assert error.hint == KNOWN[code].switch
    assert error.where.startswith("127.0.0.1:")
    assert "high" not in error.diagnostics()


@pytest.mark.parametrize("recording", [r for r in RECORDINGS if r.error is None], ids=str)
async def test_a_recorded_stream_ends_by_its_code(
    scripted: Any, connect: Any, ask: Ask, caplog: pytest.LogCaptureFixture, recording: Recording
) -> None:
    engine = await connect(scripted.base, thinking_tokens=200)
    sent = Sent()
    scripted.plays[CHAT] = plays(recording, sent)
    with caplog.at_level(logging.WARNING):
        right(await failed(engine, ask()), recording.code)
    if recording.early:
        async with asyncio.timeout(60):
            await sent.hung_up.wait()
        assert sent.events < 4000, "it was read long past what was known to be wrong"
    assert len(scripted.requests_to(CHAT)) == 1
    told = [r.getMessage() for r in caplog.records if recording.code in r.getMessage()]
    assert len(told) == 1
    assert KNOWN[recording.code].switch in told[0]


@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
async def test_a_recorded_answer_in_one_piece_has_the_same_code(
    scripted: Any, connect: Any, ask: Ask, says: Any, recording: Recording
) -> None:
    engine = await connect(scripted.base, thinking_tokens=200)
    scripted.plays[CHAT] = says_whole(recording, says)
    right(await failed(engine, ask()), recording.code)
    assert len(scripted.requests_to(CHAT)) == 1


@pytest.mark.parametrize("recording", [r for r in RECORDINGS if r.error], ids=str)
async def test_a_recorded_error_within_a_stream_has_the_same_code(
    scripted: Any, connect: Any, ask: Ask, says: Any, recording: Recording
) -> None:
    assert recording.error
    engine = await connect(scripted.base)
    begun = says.event('{"f') + b"data: " + recording.error[1] + b"\n\n"
    scripted.plays[CHAT] = _plays_bytes(HEAD + begun)
    right(await failed(engine, ask()), recording.code)


def _plays_bytes(data: bytes) -> Any:
    async def play(_server: Any, _heard: Any, _reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return play


def test_everything_that_is_known_is_played_and_has_a_source() -> None:
    assert {r.code for r in RECORDINGS} | REMARKS == set(KNOWN)
    assert len({r.code for r in RECORDINGS}) >= 10
    assert OF_THE_MODEL | {FaultCode.ENGINE_DEAD} == {FaultCode(code) for code in KNOWN}
    for known in KNOWN.values():
        assert all(url.host == "github.com" for url in (*known.sources, *known.not_found))
        assert known.message == fault_error(FaultCode(known.code)).message


@pytest.mark.parametrize("words", ["", "no", "\xff\xfe", "context length", '{"error": null}'])
def test_other_errors_are_no_known_ones(words: str) -> None:
    assert code_in(words.encode("latin-1")) == ""


async def test_the_samples_that_are_well_are_kept_beside_one_that_runs_on(
    scripted: Any, connect: Any, ask: Ask, says: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good = says.event('{"finding":"high"}', index=0)
    end = says.event(index=0, finish="stop")
    runs_on = b"".join(says.event("\n" * 16, index=1) for _ in range(17))
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = _plays_bytes(HEAD + says.event("{", index=1) + good + runs_on + end)
    with caplog.at_level(logging.WARNING):
        samples = (await engine.generate(ask(samples=2))).samples
    assert [s.finish for s in samples] == ["stop", "server-white-space"]
    assert samples[0].text == '{"finding":"high"}'
    assert sum("server-white-space" in r.getMessage() for r in caplog.records) == 1


async def test_what_others_have_yet_to_begin_is_waited_for(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    doubled = says.event("{{", index=0) + says.event("{{", index=0)
    good = says.event('{"finding":"low"}', index=1) + says.event(index=1, finish="stop")
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = _plays_bytes(HEAD + doubled + good + b"data: [DONE]\n\n")
    samples = (await engine.generate(ask(samples=2))).samples
    assert [s.finish for s in samples] == ["server-doubled-brace", "stop"]


async def test_a_server_that_gives_one_at_a_time_is_not_waited_for_without_end(
    scripted: Any, connect: Any, ask: Ask
) -> None:
    recording = Recording(
        "server-white-space", "", deltas("content", "{" + " " * 100_000), finish=""
    )
    engine, sent = await connect(scripted.base), Sent()
    scripted.plays[CHAT] = plays(recording, sent)
    right(await failed(engine, ask(samples=3)), "server-white-space")
    async with asyncio.timeout(60):
        await sent.hung_up.wait()


async def test_a_replica_is_not_set_aside_for_what_its_model_does(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    recording = next(r for r in RECORDINGS if r.code == "server-doubled-brace")
    engine = await connect(scripted.base)
    replicas = Replicas([engine])
    scripted.plays[CHAT] = plays(recording, Sent())
    assert (await failed(replicas, ask())).code == "server-doubled-brace"
    scripted.plays[CHAT] = says.well
    assert replicas._replicas[0].failures == 0
    assert (await replicas.generate(ask())).samples[0].finish == "stop"


async def test_an_answer_without_the_thought_that_was_allowed_is_remarked_once(
    scripted: Any, connect: Any, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await connect(scripted.base, thinking_tokens=64)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert (await engine.generate(ask())).samples[0].finish == "stop"
    (told,) = [r.getMessage() for r in caplog.records if "server-did-not-think" in r.getMessage()]
    assert "--reasoning-parser" in told


async def test_an_answer_that_comes_unstreamed_is_as_good(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    recording = Recording("", "", deltas("content", '{"finding":"low"}'))
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = says_whole(recording, says)
    generation = await engine.generate(ask())
    assert orjson.loads(generation.samples[0].text) == {"finding": "low"}
    assert generation.tokens_prompt == 20
