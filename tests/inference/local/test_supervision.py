"""The engine process dies, hangs, babbles or never loads; the service answers and goes on."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineState,
    EngineUnavailable,
    GenerationRequest,
)
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine

Ask = Callable[..., GenerationRequest]
ROOT = Path(__file__).resolve().parents[3]


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


async def _gone(pid: int) -> None:
    async with asyncio.timeout(60):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.model
async def test_signals_to_the_whole_group_leave_it_to_the_service(
    config: LlamaConfig, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """systemd and Ctrl-C signal every process of a service, of which one ends the others."""
    async with running(config) as engine:
        await _settled_state(engine)
        assert engine.pid is not None
        for sent in (signal.SIGTERM, signal.SIGINT):
            os.kill(engine.pid, sent)
        assert (await engine.generate(ask())).samples
        assert engine.state.restarts == 0
        pid = engine.pid
    await _gone(pid)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.model
async def test_a_killed_process_fails_what_runs_and_comes_back(
    config: LlamaConfig, ask: Ask
) -> None:
    async with running(config) as engine:
        assert engine.state.status == "loading"
        with pytest.raises(EngineUnavailable):
            await engine.generate(ask())
        assert (await _settled_state(engine)).status == "ready"
        tasks = [asyncio.create_task(engine.generate(ask(samples=2))) for _ in range(3)]
        while not engine.state.running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        for task in tasks:
            with pytest.raises(EngineError) as caught:
                await task
            assert caught.value.code == "engine-failed"
        assert engine.state.status == "restarting"
        with pytest.raises(EngineUnavailable):
            await engine.count_tokens(["a"])
        state = await _settled_state(engine)
        assert (state.status, state.restarts) == ("ready", 1)
        assert (await engine.generate(ask())).samples[0].finish == "stop"


@pytest.mark.model
@pytest.mark.slow
async def test_a_process_that_hangs_is_killed_and_replaced(config: LlamaConfig, ask: Ask) -> None:
    async with running(replace(config, grace_s=0.2)) as engine:
        await _settled_state(engine)
        first = engine.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(DeadlinePassed):
            await engine.generate(ask(deadline_s=0.2))
        await _gone(first)
        while engine.state.restarts == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await _settled_state(engine)).status == "ready"
        assert engine.pid != first


@pytest.mark.model
@pytest.mark.slow
async def test_garbage_to_the_process_ends_it_and_a_new_one_comes(config: LlamaConfig) -> None:
    async with running(config) as engine:
        await _settled_state(engine)
        assert engine._process is not None
        pipe = engine._process._process.stdin
        assert pipe is not None
        pipe.write(b"\xff\xff\xff\xff garbage")
        while engine.state.restarts == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await _settled_state(engine)).status == "ready"


@pytest.mark.model
async def test_stopping_leaves_no_process(config: LlamaConfig, ask: Ask) -> None:
    async with running(config) as engine:
        await _settled_state(engine)
        pid = engine.pid
        assert pid is not None
        task = asyncio.create_task(engine.generate(ask(samples=3)))
        while not engine.state.running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with pytest.raises(EngineError):
        await task
    await _gone(pid)
    assert engine.state.detail == "engine-stopped"
    assert engine.pid is None


@pytest.mark.model
def test_the_process_ends_when_the_service_is_killed(config: LlamaConfig) -> None:
    code = f"""
        import asyncio, sys
        from pathlib import Path
        from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
        from cds_hooks.inference.llama_config import LlamaConfig
        from cds_hooks.inference.local.llama_engine import LlamaEngine
        from cds_hooks.inference.model_catalogue.recognition import known_entry
        async def main():
            path = Path({str(config.model)!r})
            engine = LlamaEngine(LlamaConfig(path, known_entry(load_catalogue(), path), threads=1,
                                             prompt_tokens=256, answer_tokens=64, samples=1))
            await engine.start()
            await engine.wait_until_settled()
            print(engine.pid, flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
    """
    service = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    with service, service.stdout:
        worker = psutil.Process(int(service.stdout.readline()))
        service.kill()
        psutil.wait_procs([worker], timeout=60)
        assert not worker.is_running()


@pytest.mark.parametrize("kind", ["missing", "truncated", "another format", "another model"])
async def test_a_model_file_that_is_not_the_one_is_not_loaded(
    config: LlamaConfig, make_gguf: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    model = make_gguf({"general.architecture": "llama"})
    expected = "model-digest-mismatch"
    if kind == "missing":
        model, expected = tmp_path / "none.gguf", "model-missing"
    elif kind == "truncated":
        model.write_bytes(model.read_bytes()[:-4])
        expected = "model-truncated"
    elif kind == "another format":
        model.write_bytes(b"PK\3\4" * 100)
        expected = "model-is-checkpoint"
    entry = config.entry.model_copy(update={"sha256": "a" * 64})
    async with running(replace(config, model=model, entry=entry)) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail, state.restarts) == ("failed", expected, 0)
        with pytest.raises(EngineUnavailable) as caught:
            await engine.count_tokens(["a"])
        assert caught.value.where == expected


async def test_a_file_that_only_looks_like_a_model_fails_in_the_process(
    config: LlamaConfig, make_gguf: Callable[..., Path]
) -> None:
    entry = config.entry.model_copy(update={"sha256": ""})
    template = {"tokenizer.chat_template": "{{ messages }}"}
    model = make_gguf({"general.architecture": "llama", **template})
    async with running(replace(config, model=model, entry=entry)) as engine:
        state = await _settled_state(engine)
        assert (state.status, state.detail) == ("failed", "model-not-loadable")
        assert f"({model.name})" in engine.trouble
        assert "chartside models check" in engine.trouble


def _program(tmp_path: Path, code: str) -> tuple[str, ...]:
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(code))
    return (str(path),)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import os; os.write(1, b'llama_model_load: hello\\n' * 10)",
        "import os; os.write(1, bytes(4))",
        "import os, time; os.write(1, b'\\xff\\xff\\xff\\xff'); time.sleep(60)",
        "raise SystemExit(7)",
        "import os; os.kill(os.getpid(), 9)",
        "import time; time.sleep(60)",
        "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)",
    ],
)
async def test_a_process_that_cannot_be_understood_is_restarted_with_pauses(
    config: LlamaConfig, tmp_path: Path, code: str
) -> None:
    changed = replace(config, program=_program(tmp_path, code), load_silence_s=0.3)
    async with running(changed) as engine:
        async with asyncio.timeout(120):
            while engine.state.restarts < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert engine.state.status == "restarting"
        assert engine.state.detail == "engine-died-loading"


async def test_replies_nobody_waits_for_are_ignored(config: LlamaConfig, tmp_path: Path) -> None:
    code = """
        import os, sys, time
        sys.path.insert(0, os.environ["PYTHONPATH"])
        from cds_hooks.inference.local.frames import encode
        for frame in (
            {"op": "state", "status": "ready", "sha256": "ab"},
            {"op": "done", "id": 99}, {"op": "error", "id": None}, {"op": "cancelled", "id": "x"},
            {"op": "?"}, {},
        ):
            os.write(1, encode(frame))
        time.sleep(60)
    """
    async with running(replace(config, program=_program(tmp_path, code))) as engine:
        state = await _settled_state(engine)
        await asyncio.sleep(0.05)
        assert (state.status, engine.state.restarts) == ("ready", 0)
        assert engine.model.sha256 == "ab"


def test_only_the_engine_process_loads_native_code() -> None:
    code = (
        "import sys, cds_hooks.inference.local.llama_engine, cds_hooks.inference.answer_parser;"
        "print([m for m in ('llama_cpp', 'llguidance', 'numpy') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
