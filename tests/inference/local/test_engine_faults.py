"""Real engine processes that kill themselves by real signals: what is tried next, what is told."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.inference import prove
from cds_hooks.inference.engine import (
    EngineError,
    EngineState,
    EngineUnavailable,
    GenerationRequest,
)
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.worker.injected_faults import InjectedFault

pytestmark = pytest.mark.model
Ask = Callable[..., GenerationRequest]


def _libraries() -> Path:
    """The installed libllama's folder, found without loading it."""
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "lib"


@pytest.fixture
def tiny(config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path) -> LlamaConfig:
    """A small engine on a tiny llama, which loads fast."""
    path = tmp_path / "tiny.gguf"
    tiny_models.write("llama", path)
    entry = config.entry.model_copy(update={"sha256": ""})
    return replace(config, model=path, entry=entry, names=None, cache=None, kept_prompts=0)


@asynccontextmanager
async def running(config: LlamaConfig) -> AsyncIterator[LlamaEngine]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def _settled_state(engine: LlamaEngine) -> EngineState:
    async with asyncio.timeout(100):
        return await engine.wait_until_settled()


async def _restarted(engine: LlamaEngine, times: int) -> EngineState:
    async with asyncio.timeout(100):
        while engine.state.restarts < times:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return await engine.wait_until_settled()


async def test_a_model_that_decodes_is_ready_on_the_first_rung(tiny: LlamaConfig) -> None:
    async with running(tiny) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.rung, state.restarts) == ("ready", "as-configured", 0)
        assert engine.facts["engine"].startswith("llama-cpp-python ")
        assert "before" not in engine.facts
        [event] = engine.events
    assert event.type == "engine-started"
    assert event.fields["rung"] == "as-configured"
    assert event.fields["gguf_sha256"] == engine.model.sha256


async def test_a_fault_of_extra_buffers_leads_to_a_rung_without_that_is_kept(
    tiny: LlamaConfig, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(replace(tiny, fault="decode:SIGSEGV:extra-buffers")) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.rung) == ("ready", "without-extra-buffers")
        assert state.restarts == 1
        before = engine.facts["before"]
        assert before.startswith("Tried as-configured: The engine process ended by SIGSEGV (")
        assert "at its first decode" in before
        assert (await engine.generate(ask(names=False))).samples
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        state = await _restarted(engine, 2)
        assert (state.status, state.rung) == ("ready", "without-extra-buffers")
        assert [event.type for event in engine.events] == ["engine-started"] * 2
        assert {event.fields["rung"] for event in engine.events} == {"without-extra-buffers"}
        assert engine.facts["before"] == before
    assert "the model runs on rung without-extra-buffers" in caplog.text


async def test_after_the_last_rung_it_is_out_of_service_with_the_cause(
    tiny: LlamaConfig, ask: Ask
) -> None:
    async with running(replace(tiny, fault="decode:SIGSEGV")) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-died-first-decode")
        assert "Tried as-configured and without-extra-buffers: " in engine.trouble
        assert "ended by SIGSEGV" in engine.trouble
        with pytest.raises(EngineUnavailable) as refused:
            await engine.generate(ask())
        assert refused.value.where == "engine-died-first-decode"
        assert "SIGSEGV" in refused.value.diagnostics()
        await asyncio.sleep(0.3)
        assert (engine.pid, engine.state.restarts) == (None, 1)
        [event] = engine.events
    assert event.type == "engine-out-of-service"
    assert event.fields["reason_code"] == "engine-died-first-decode"
    assert "SIGSEGV" in event.fields["cause"]


@pytest.mark.parametrize("confine", ["off", "where-possible"])
async def test_the_portable_library_is_the_last_rung(
    tiny: LlamaConfig, tmp_path: Path, confine: str
) -> None:
    portable = tmp_path / "portable"
    shutil.copytree(_libraries(), portable)
    config = replace(tiny, fault="decode:SIGSEGV:own-library", portable_library=portable)
    async with running(replace(config, confine=confine)) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.rung) == ("ready", "portable-library"), engine.trouble
        assert state.restarts == 2
        loaded = _loaded(engine.pid) if confine == "off" else None
    if loaded is not None:  # of a confined process only root may read it
        assert f"{portable}/libllama.so" in loaded
        assert f"{portable}/libggml-cpu.so" in loaded
        assert f"{_libraries()}/libggml-cpu.so" not in loaded


def _loaded(pid: int | None) -> str:
    """The files that a process has mapped."""
    return Path(f"/proc/{pid}/maps").read_text()


async def test_a_portable_library_that_cannot_be_used_leaves_the_first_cause(
    tiny: LlamaConfig, tmp_path: Path
) -> None:
    portable = tmp_path / "portable"
    portable.mkdir()
    config = replace(tiny, fault="load:SIGILL:own-library", portable_library=portable)
    async with running(config) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-died-loading")
        assert "SIGILL" in engine.trouble
        assert "portable-library: The library of llama.cpp cannot be used" in engine.trouble


@pytest.mark.parametrize(
    ("library", "named"),
    [
        (None, "library-not-found): there is no libllama in its folder"),
        (b"not a library", "library-damaged: libllama.so): libllama is no library, or only a part"),
        ("libggml-base.so", "library-lacks-symbols: libllama.so, undefined symbol: llama_"),
    ],
    ids=["missing", "damaged", "other symbols"],
)
async def test_a_library_of_another_version_is_told_as_that(
    tiny: LlamaConfig, tmp_path: Path, library: bytes | str | None, named: str
) -> None:
    folder = tmp_path / "lib"
    folder.mkdir()
    if isinstance(library, str):
        shutil.copy(_libraries() / library, folder / "libllama.so")
    elif library is not None:
        (folder / "libllama.so").write_bytes(library)
    async with running(replace(tiny, library=folder)) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-library-unusable")
        assert f"cannot be used ({named}" in engine.trouble
        assert "model.portable_library" in engine.trouble
        assert str(tmp_path) not in engine.trouble
        assert state.restarts == 0


async def test_a_first_decode_that_gives_no_numbers_is_no_proof(
    tiny: LlamaConfig, tiny_models: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tiny_models._weights

    def broken(name: str, *more: Any) -> Any:
        return weights(name, *more) * (float("nan") if name == "output_norm.weight" else 1)

    monkeypatch.setattr(tiny_models, "_weights", broken)
    tiny_models.write("llama", tiny.model)
    async with running(tiny) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-proof-failed")
        assert state.rung == "without-extra-buffers"
        assert "The first decode gave no numbers" in engine.trouble


def test_a_library_with_other_structures_is_told_by_its_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cds_hooks.inference.worker.bindings import native

    monkeypatch.setattr(native, "difference", str)
    assert native.library()["engine"].startswith("llama-cpp-python ")
    told = native.lib.llama_context_default_params()
    told.n_batch = 1
    monkeypatch.setattr(native.lib, "llama_context_default_params", lambda: told)
    with pytest.raises(native.NativeError, match="another version") as refused:
        native.library()
    assert refused.value.code == "engine-library-unusable"


async def test_a_library_for_another_processor_says_to_build_again(tiny: LlamaConfig) -> None:
    async with running(replace(tiny, fault="load:SIGILL")) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-died-loading")
        assert "SIGILL" in engine.trouble
        assert "`make setup`" in engine.trouble


async def test_what_ends_it_from_outside_is_tried_again_on_the_same_rung_and_not_for_ever(
    tiny: LlamaConfig,
) -> None:
    async with running(replace(tiny, fault="load:SIGKILL", failed_loads=2)) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-died-loading")
        assert (state.rung, state.restarts) == ("as-configured", 1)
        assert "SIGKILL (probably out of memory)" in engine.trouble


@pytest.mark.slow
async def test_a_first_decode_that_hangs_is_told_as_silence(tiny: LlamaConfig) -> None:
    slow = replace(tiny, fault="decode:SIGSTOP", load_silence_s=2.0, failed_loads=1)
    async with running(slow) as engine:
        state = await _settled_state(engine)
        # On a machine where the interpreter does not start in two seconds, it is the former.
        assert state.status == "failed"
        assert state.detail in ("engine-died-loading", "engine-died-first-decode")
        assert "it was silent for too long: see model.load_silence_s" in engine.trouble


async def test_crashes_on_requests_lead_out_of_service(tiny: LlamaConfig, ask: Ask) -> None:
    async with running(replace(tiny, fault="request:SIGSEGV")) as engine:
        for crash in range(3):
            assert (await _settled_state(engine)).status == "ready"
            with pytest.raises(EngineError) as failed:
                await engine.generate(ask(names=False))
            assert failed.value.code == "engine-failed"
            if crash < 2:
                assert failed.value.where == "engine-died-on-request"
                await _restarted(engine, crash + 1)
        state = await _settled_state(engine)
        assert (state.status, state.detail, state.restarts) == ("failed", "engine-crashes", 2)
        assert "3 times without an answer between" in engine.trouble
        assert "SIGSEGV" in engine.trouble
        with pytest.raises(EngineUnavailable) as refused:
            await engine.generate(ask(names=False))
        assert refused.value.where == "engine-crashes"
        assert engine.events[-1].type == "engine-out-of-service"


async def test_a_process_that_works_while_it_loads_is_waited_for(
    config: LlamaConfig, tmp_path: Path
) -> None:
    code = """
        import os, sys, time
        sys.path.insert(0, os.environ["PYTHONPATH"])
        from cds_hooks.inference.local.frames import encode
        for _ in range(8):
            os.write(1, encode({"op": "pulse"}))
            time.sleep(0.25)
        os.write(1, encode({"op": "state", "status": "ready", "sha256": "ab"}))
        sys.stdin.buffer.read()
    """
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(code))
    async with running(replace(config, program=(str(path),), load_silence_s=1.2)) as engine:
        assert (await _settled_state(engine)).status == "ready"
    whole = replace(config, program=(str(path),), load_silence_s=9.0, load_s=1.2, failed_loads=1)
    async with running(whole) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "engine-died-loading")
        assert "it took too long: see model.load_s" in engine.trouble


@pytest.mark.parametrize(
    ("text", "extra", "own", "stage"),
    [
        ("", True, True, ""),
        ("load:SIGILL", False, False, "load"),
        ("decode:SIGSEGV:extra-buffers", True, False, "decode"),
        ("decode:SIGSEGV:extra-buffers", False, True, ""),
        ("request:SIGKILL:own-library", False, True, "request"),
        ("request:SIGKILL:own-library", True, False, ""),
    ],
)
def test_a_fault_strikes_only_where_it_is_asked_for(
    text: str, extra: bool, own: bool, stage: str
) -> None:
    assert InjectedFault.of(text, extra_buffers=extra, own_library=own).stage == stage


@pytest.mark.parametrize("text", ["decode", "decode:NONE", "x:SIGSEGV", "load:SIGILL:sometimes"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="STAGE:SIGNAL"):
        InjectedFault.of(text, extra_buffers=True, own_library=True)


# --- the command that set-up runs -------------------------------------------------------------


def test_prove_prints_one_line_and_ends_with_0(
    tiny: LlamaConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_ENGINE_FAULT", raising=False)
    assert prove.main([str(tiny.model)]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("decodes: rung as-configured, ")


def test_prove_names_the_cause_and_ends_with_1(
    tiny: LlamaConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "decode:SIGSEGV")
    assert prove.main([str(tiny.model), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["decodes"], told["code"]) == (False, "engine-died-first-decode")
    assert "SIGSEGV" in told["cause"]
    assert "`make portable`" in told["cause"]


def test_prove_tells_of_a_model_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prove.main([str(tmp_path / "none.gguf")]) == 1
    assert capsys.readouterr().out.startswith("does not decode: model-missing: ")
