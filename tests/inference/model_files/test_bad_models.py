"""Model files and models that misbehave: each ends in a code of its own, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from cds_hooks.inference.answer_parser import parse_differential
from cds_hooks.inference.engine import (
    EngineError,
    EngineUnavailable,
    GenerationRequest,
    PromptTooLong,
)
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import ThinkingMarkers, load_catalogue

pytestmark = pytest.mark.model
Ask = Callable[..., GenerationRequest]
GOOD = "{{ messages[0].content }}{{ messages[1].content }}"


@asynccontextmanager
async def running(config: LlamaConfig) -> AsyncIterator[LlamaEngine]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@pytest.fixture
def tiny(config: LlamaConfig, tmp_path: Path) -> LlamaConfig:
    """An engine on a tiny llama that a test still has to write."""
    entry = load_catalogue().get("smollm2-135m-instruct-q8_0")
    entry = entry.model_copy(update={"sha256": ""})
    return replace(config, model=tmp_path / "tiny.gguf", entry=entry, cache=None)


def _absurd(whole: bytes) -> bytes:
    """The same file, but its first tensor claims 2^40 rows."""
    at = whole.index(b"token_embd.weight") + len(b"token_embd.weight") + 4 + 8
    return whole[:at] + struct.pack("<Q", 2**40) + whole[at + 8 :]


async def _refusal(config: LlamaConfig) -> str:
    async with running(config) as engine:
        async with asyncio.timeout(300):
            state = await engine.wait_until_settled()
        assert (state.status, state.restarts) == ("failed", 0)
        with pytest.raises(EngineUnavailable) as caught:
            await engine.count_tokens(["a"])
        assert caught.value.code == "engine-unavailable"
        assert caught.value.where == state.detail
        return state.detail


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda whole: whole[:40], "model-truncated"),
        (lambda whole: whole[: len(whole) // 2], "model-truncated"),
        (lambda whole: whole[:-1], "model-truncated"),
        (lambda whole: b"GGML" + whole[4:], "model-not-gguf"),
        (lambda whole: whole[:4] + struct.pack("<I", 9) + whole[8:], "model-not-gguf"),
        (_absurd, "model-malformed"),
    ],
)
async def test_a_damaged_file_never_reaches_native_code(
    tiny: LlamaConfig,
    tiny_models: ModuleType,
    damage: Callable[[bytes], bytes],
    code: str,
) -> None:
    tiny_models.write("llama", tiny.model)
    tiny.model.write_bytes(damage(tiny.model.read_bytes()))
    assert await _refusal(tiny) == code


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}" + GOOD,
        "{{ messages.__class__.__mro__[1].__subclasses__() }}" + GOOD,
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}" + GOOD,
        "{{ '%99999999999d' % 1 }}" + GOOD,
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}" + GOOD,
        "no message at all",
    ],
)
@pytest.mark.slow
async def test_a_hostile_chat_template_keeps_the_model_from_being_used(
    tiny: LlamaConfig, tiny_models: ModuleType, template: str
) -> None:
    tiny_models.write("llama", tiny.model, template=template)
    assert await _refusal(tiny) == "chat-template-unusable"


async def test_no_sequence_grows_past_what_the_model_was_trained_on(
    tiny: LlamaConfig, tiny_models: ModuleType, ask: Ask
) -> None:
    """Many sequences need more cells than that; one prompt must not have them all."""
    tiny_models.write("llama", tiny.model, context=1024)
    async with running(tiny) as engine:
        assert (await engine.wait_until_settled()).status == "ready"
        fits = await engine.generate(ask(max_tokens=100))
        assert fits.samples[0].finish == "stop"
        with pytest.raises(PromptTooLong):
            await engine.generate(ask(chart="x" * 700, max_tokens=100))
        assert (await engine.generate(ask(max_tokens=100))).samples[0].finish == "stop"


@pytest.mark.slow
async def test_more_samples_than_there_is_space_for_are_refused_at_once(
    tiny: LlamaConfig, tiny_models: ModuleType, ask: Ask
) -> None:
    tiny_models.write("llama", tiny.model)
    async with running(replace(tiny, prompt_tokens=8000)) as engine:
        await engine.wait_until_settled()
        with pytest.raises(EngineError) as caught:
            await engine.generate(ask(samples=10_000, max_tokens=1))
        assert caught.value.code == "engine-failed"
        # As many as there are sequences: what is kept of earlier prompts makes space for them.
        await engine.generate(ask(samples=1, max_tokens=8))
        every = tiny.sequences
        many = await engine.generate(ask(samples=every, max_tokens=1, names=False))
        assert len(many.samples) == every


async def test_a_model_that_never_ends_its_thinking_answers_and_is_marked(
    config: LlamaConfig, ask: Ask
) -> None:
    markers = ThinkingMarkers(open="<think>\n", stop="</think>", then="\n\n", budget=12)
    entry = config.entry.model_copy(update={"thinking": markers})
    async with running(replace(config, entry=entry)) as engine:
        await engine.wait_until_settled()
        (sample,) = (await engine.generate(ask(samples=1))).samples
    assert sample.thinking_cut
    assert sample.finish == "stop"
    assert parse_differential(sample.text, ("S1", "L1", "L12")).candidates


@pytest.mark.slow
async def test_killed_at_every_stage_it_answers_each_request_and_comes_back(
    config: LlamaConfig, ask: Ask
) -> None:
    async with running(config) as engine:
        _kill(engine)  # while it loads
        async with asyncio.timeout(300):
            while engine.state.restarts < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert (await engine.wait_until_settled()).status == "ready"
        whole = await engine.generate(ask(samples=2, diagnoses=2))
        passed = 0.0
        for number, stage in enumerate(("queue", "prompt", "names", "decode")):
            await _killed_after(engine, ask, passed + whole.timings_ms[stage] / 2, number)
            passed += whole.timings_ms[stage]
        assert engine.state.restarts == 5
        assert (await engine.generate(ask())).samples[0].finish == "stop"


async def _killed_after(engine: LlamaEngine, ask: Ask, milliseconds: float, number: int) -> None:
    # Another chart each time, so that nothing of it is there already; and more to write than what
    # was measured, so that it is still at work on a machine that has become faster since.
    request = ask(chart=f"S1 cough for {number} days", samples=2, diagnoses=5)
    asked = asyncio.create_task(engine.generate(request))
    waiting = asyncio.create_task(engine.generate(request))
    await asyncio.sleep(milliseconds / 1000)
    _kill(engine)
    for task in (asked, waiting):
        with pytest.raises(EngineError) as caught:
            await task
        assert caught.value.code == "engine-failed"
    async with asyncio.timeout(300):
        assert (await engine.wait_until_settled()).status == "ready"
    # Three ends without an answer between would lead out of service.
    assert (await engine.generate(ask())).samples[0].finish == "stop"


def _kill(engine: LlamaEngine) -> None:
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
