"""Recording what a model says, and replaying it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.engine import (
    EngineError,
    EngineUnavailable,
    GenerationRequest,
    Priority,
    QueueFull,
)
from cds_hooks.inference.fake import FakeEngine, FakeReply
from cds_hooks.inference.panel import Panel
from cds_hooks.inference.recorded import (
    NotRecorded,
    RecordedEngine,
    Recorder,
    RecordingInvalid,
    request_digest,
)
from prompts.prompt import Message

Ask = Callable[..., GenerationRequest]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "said.jsonl"


def held_by(path: Path) -> bytes:
    return path.read_bytes()


def hold(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def test_what_was_recorded_is_replayed(path: Path, ask: Ask) -> None:
    recorder = Recorder(FakeEngine([FakeReply(("Sjögren\u2028",)), FakeReply(("two",))]), path)
    await recorder.start()
    first = await recorder.generate(ask(seed=1))
    second = await recorder.generate(ask(seed=2, samples=3))
    counts = await recorder.count_tokens(["a b", "", "a b"])
    await recorder.stop()

    engine = RecordedEngine(path)
    assert await engine.generate(ask(seed=2, samples=3, deadline_s=0.1)) == second
    assert await engine.generate(ask(seed=1)) == first
    assert await engine.count_tokens(["", "a b"]) == [counts[1], counts[0]]
    assert engine.model == recorder.model
    assert engine.state.status == "ready"


async def test_what_was_not_recorded_is_refused(path: Path, ask: Ask) -> None:
    recorder = Recorder(FakeEngine(), path)
    await recorder.generate(ask())
    await recorder.count_tokens(["known"])
    engine = RecordedEngine(path)
    with pytest.raises(NotRecorded) as refused:
        await engine.generate(ask(messages=(Message("user", "P1 someone else"),)))
    assert "someone" not in refused.value.diagnostics()
    with pytest.raises(EngineUnavailable):
        await engine.count_tokens(["known", "unknown"])


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 2},
        {"max_tokens": 25},
        {"temperature": 0.0},
        {"seed": 4},
        {"names": True},
        {"schema": {"type": "string"}},
        {"messages": (Message("system", "Answer in JSON."),)},
        {"messages": (Message("user", "Answer in JSON."),)},
    ],
)
def test_everything_that_an_answer_depends_on_is_in_its_digest(
    ask: Ask, change: dict[str, Any]
) -> None:
    assert request_digest(ask(**change)) != request_digest(ask())
    assert request_digest(ask(deadline_s=1.0)) == request_digest(ask())
    assert request_digest(ask(priority=Priority.BACKGROUND)) == request_digest(ask())


async def test_a_recording_is_gone_on_with(path: Path, ask: Ask) -> None:
    await Recorder(FakeEngine(), path).generate(ask(seed=1))
    await Recorder(FakeEngine(), path).generate(ask(seed=2))
    engine = RecordedEngine(path)
    for seed in (1, 2):
        assert (await engine.generate(ask(seed=seed))).samples


async def test_a_line_that_was_cut_short_is_left_out_and_written_over(path: Path, ask: Ask) -> None:
    await Recorder(FakeEngine(), path).generate(ask(seed=1))
    whole = held_by(path)
    hold(path, whole + b'{"request": {"mess')
    assert (await RecordedEngine(path).generate(ask(seed=1))).samples
    await Recorder(FakeEngine(), path).generate(ask(seed=2))
    assert held_by(path).startswith(whole)
    assert (await RecordedEngine(path).generate(ask(seed=2))).samples


async def test_a_recording_has_one_model(path: Path, ask: Ask) -> None:
    class Other(FakeEngine):
        @property
        def model(self) -> Any:
            return replace(super().model, sha256="1" * 64)

    await Recorder(FakeEngine(), path).generate(ask())
    before = held_by(path)
    with pytest.raises(RecordingInvalid):
        await Recorder(Other(), path).generate(ask())
    assert held_by(path) == before
    hold(path, before + before)
    with pytest.raises(RecordingInvalid):
        RecordedEngine(path)


def test_only_its_owner_may_read_it(path: Path, ask: Ask) -> None:
    asyncio.run(Recorder(FakeEngine(), path).generate(ask()))
    assert path.stat().st_mode & 0o777 == 0o600


async def test_errors_are_passed_on_and_not_recorded(path: Path, ask: Ask) -> None:
    recorder = Recorder(FakeEngine([FakeReply(fault=QueueFull("full")), FakeReply()]), path)
    with pytest.raises(QueueFull):
        await recorder.generate(ask())
    assert recorder.state.status == "ready"
    await recorder.generate(ask())
    assert (await RecordedEngine(path).generate(ask())).samples


def test_a_panel_is_not_recorded_as_one_model(path: Path) -> None:
    with pytest.raises(ValueError, match="one by one"):
        Recorder(Panel([FakeEngine()]), path)


HEAD = b'{"recording":1,"name":"m","sha256":"","engine":"e","licence":"","demonstration":false}\n'
LINES = st.sampled_from(
    [
        HEAD,
        b'{"text_sha256":"' + b"a" * 64 + b'","tokens":3}\n',
        b'{"text_sha256":"a","tokens":3}\n',
        b'{"request":{},"samples":[],"tokens_prompt":0,"tokens_reused":0,"timings_ms":{"a":1}}\n',
        b'{"request":{},"samples":[{"text":1}],"tokens_prompt":0}\n',
        b"[]\n",
        b"\n",
        b"{",
        b"\xff\n",
    ]
)


@given(st.binary(max_size=100) | st.lists(LINES, max_size=4).map(b"".join))
def test_any_file_is_a_recording_or_refused(
    tmp_path_factory: pytest.TempPathFactory, held: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.jsonl"
    path.write_bytes(held)
    try:
        engine = RecordedEngine(path)
    except RecordingInvalid as refused:
        where = refused.where
    else:
        where = path.name
        assert orjson.loads(held.split(b"\n")[0])["name"] == engine.model.name
    assert where.startswith(path.name)


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        RecordedEngine(path)


def test_a_link_is_not_written_through(path: Path, tmp_path: Path, ask: Ask) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordingInvalid, match="cannot be written"):
        asyncio.run(Recorder(FakeEngine(), path).generate(ask()))
    assert not (tmp_path / "elsewhere").exists()
