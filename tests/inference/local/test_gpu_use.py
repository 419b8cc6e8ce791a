"""Whether a model runs on a GPU: what the library tells, and what is said where it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.gpu_use import gpu_trouble
from cds_hooks.inference.local.lifecycle import EngineLifecycle
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.worker.bindings import ggml_devices as devices
from cds_hooks.runtime.engine_status import engine_checks

pytestmark = pytest.mark.model
CPU = {"backends": "CPU", "gpu": "no-backend"}
HIDDEN = {"backends": "CUDA CPU", "gpu": "no-device"}
TWO = "CUDA0 NVIDIA H100, 81089 MiB; CUDA1 NVIDIA H100, 81089 MiB"
FOUND = {"backends": "CUDA CPU", "gpu": "yes", "devices": TWO}


@pytest.mark.parametrize(
    ("layers", "library", "begins", "advises"),
    [
        (0, CPU, "", ""),
        (0, HIDDEN, "", ""),
        (1, CPU, "gpu-not-built: ", "make setup LLAMA=cuda"),
        (-1, CPU, "gpu-not-built: ", "LLAMA_CPP_LIB_PATH"),
        (-1, HIDDEN, "gpu-not-found: ", "nvidia-smi"),
        (-1, FOUND, "", ""),
        (-1, {}, "", ""),
    ],
)
def test_a_gpu_that_is_asked_for_and_not_used_is_told(
    layers: int, library: Mapping[str, str], begins: str, advises: str
) -> None:
    told = gpu_trouble(layers, library)
    assert told.startswith(begins)
    assert advises in told
    assert bool(told) is bool(begins)
    if told:
        assert f"({library['backends']})" in told


def _lifecycle(
    config: LlamaConfig, layers: int, library: Mapping[str, str]
) -> tuple[EngineLifecycle, dict[str, str]]:
    lifecycle = EngineLifecycle(replace(config, gpu_layers=layers), processor=())
    lifecycle.on_ready({"library": library})
    engine = SimpleNamespace(
        state=SimpleNamespace(status="ready", detail="", rung=lifecycle.rung),
        facts=lifecycle.facts,
    )
    return lifecycle, engine_checks(engine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layers", "library", "told"),
    [(-1, CPU, "gpu-not-built: "), (20, HIDDEN, "gpu-not-found: "), (0, CPU, None),
     (-1, FOUND, TWO), (0, FOUND, TWO)],
)  # fmt: skip
def test_readiness_and_the_log_tell_of_the_gpu(
    config: LlamaConfig, caplog: pytest.LogCaptureFixture,
    layers: int, library: Mapping[str, str], told: str | None,
) -> None:  # fmt: skip
    lifecycle, checks = _lifecycle(config, layers, library)
    assert checks["engine"] == checks["engine_rung"] == "ok"
    assert checks.get("engine_gpu", "").startswith(told or "")
    assert ("engine_gpu" in checks) is (told is not None)
    trouble = lifecycle.facts.get("gpu_trouble")
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == ([trouble] if trouble else [])


async def test_a_build_for_the_processor_says_that_it_has_no_gpu(
    config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if devices.gpu_facts()["gpu"] == "yes":
        pytest.skip("this llama.cpp has a GPU")
    path = tmp_path / "tiny.gguf"
    tiny_models.write("llama", path)
    entry = config.entry.model_copy(update={"sha256": ""})
    changes = {"names": None, "cache": None, "kept_prompts": 0, "gpu_layers": -1}
    engine = LlamaEngine(replace(config, model=path, entry=entry, **changes))
    await engine.start()
    try:
        async with asyncio.timeout(100):
            state = await engine.wait_until_settled()
        assert (state.status, state.rung) == ("ready", "as-configured"), engine.trouble
        assert engine_checks(engine)["engine_gpu"].startswith("gpu-not-")
        assert "model.gpu_layers asks for a GPU" in caplog.text
        [event] = engine.events
    finally:
        await engine.stop()
    assert event.fields["gpu"].startswith("no-")
    assert "CPU" in event.fields["backends"]


async def test_a_model_decodes_on_the_gpu_that_the_library_finds(
    config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path
) -> None:
    """Where there is one: LLAMA_CPP_LIB_PATH may name a library that was built for it."""
    if devices.gpu_facts()["gpu"] != "yes":
        pytest.skip("this llama.cpp has no GPU")
    path = tmp_path / "tiny.gguf"
    tiny_models.write("llama", path)
    entry = config.entry.model_copy(update={"sha256": ""})
    changes = {"names": None, "cache": None, "kept_prompts": 0, "gpu_layers": -1}
    engine = LlamaEngine(replace(config, model=path, entry=entry, **changes))
    await engine.start()
    try:
        async with asyncio.timeout(600):
            state = await engine.wait_until_settled()
        assert (state.status, state.rung) == ("ready", "as-configured"), engine.trouble
        assert engine_checks(engine)["engine_gpu"] == engine.facts["devices"]
        assert "gpu_trouble" not in engine.facts
    finally:
        await engine.stop()


# --- ggml's devices ---------------------------------------------------------------------------


class _Function:
    """A function of a library: ctypes lets its types be set."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.restype = self.argtypes = None

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


MACHINE = [("CUDA0", b"NVIDIA\nH100", 1, 80 << 30), ("CPU", b"Xeon", 0, 1 << 40),
           ("Vulkan1", b"x" * 300, 2, 8 << 30), ("BLAS", b"OpenBLAS", 3, 0)]  # fmt: skip


def _library(backends: list[str]) -> SimpleNamespace:
    def memory(device: int, free: Any, total: Any) -> None:
        total._obj.value = MACHINE[device][3]
        free._obj.value = MACHINE[device][3] // 2

    functions: dict[str, Callable[..., Any]] = {
        "reg_count": lambda: len(backends),
        "reg_get": lambda number: number,
        "reg_name": lambda number: backends[number].encode(),
        "dev_count": lambda: len(MACHINE),
        "dev_get": lambda number: number,
        "dev_name": lambda device: MACHINE[device][0].encode(),
        "dev_description": lambda device: MACHINE[device][1],
        "dev_type": lambda device: MACHINE[device][2],
        "dev_memory": memory,
    }
    named = {f"ggml_backend_{name}": _Function(call) for name, call in functions.items()}
    return SimpleNamespace(**named)


def _with(monkeypatch: pytest.MonkeyPatch, library: SimpleNamespace, offload: bool) -> None:
    llama_cpp = SimpleNamespace(_lib=library)
    whole = SimpleNamespace(llama_cpp=llama_cpp, llama_supports_gpu_offload=lambda: offload)
    monkeypatch.setattr(devices, "lib", whole)


def test_devices_are_told_by_name_kind_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _with(monkeypatch, _library(["CUDA", "CPU"]), offload=True)
    found = devices.devices()
    assert [(each.name, each.kind) for each in found] == [
        ("CUDA0", "gpu"), ("Vulkan1", "integrated-gpu"), ("BLAS", "accelerator")]  # fmt: skip
    assert found[0].line == "CUDA0 NVIDIA H100, 81920 MiB"
    assert (found[0].free, found[0].total) == (40 << 30, 80 << 30)
    assert len(found[1].description) == 120
    facts = devices.gpu_facts()
    assert (facts["backends"], facts["gpu"]) == ("CUDA CPU", "yes")
    assert facts["devices"].startswith("CUDA0 NVIDIA H100, 81920 MiB; Vulkan1 ")


@pytest.mark.parametrize(
    ("backends", "gpu"),
    [(["CPU"], "no-backend"), (["BLAS", "CPU"], "no-backend"), (["CUDA", "CPU"], "no-device")],
)
def test_a_build_without_a_gpu_and_a_machine_without_one_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, backends: list[str], gpu: str
) -> None:
    _with(monkeypatch, _library(backends), offload=False)
    assert devices.gpu_facts()["gpu"] == gpu


def test_a_library_that_does_not_tell_is_asked_for_the_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _with(monkeypatch, SimpleNamespace(), offload=True)
    assert devices.gpu_facts() == {"gpu": "yes"}


def test_the_installed_library_tells_its_backends() -> None:
    assert "CPU" in devices.backends()
