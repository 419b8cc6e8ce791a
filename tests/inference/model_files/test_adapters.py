"""LoRA adapters: a fine-tuned variant is its base and small files beside it, all of them hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from cds_hooks.consultation import ModelPart
from cds_hooks.inference.engine import EngineState, Generation, GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_files.adapters import Adapter

pytestmark = pytest.mark.model
Ask = Callable[..., GenerationRequest]


@pytest.fixture
def tiny(config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path) -> LlamaConfig:
    """An engine on a tiny llama."""
    path = tmp_path / "base.gguf"
    tiny_models.write("llama", path)
    entry = load_catalogue().get("smollm2-135m-instruct-q8_0")
    entry = entry.model_copy(update={"sha256": ""})
    return replace(config, model=path, entry=entry, cache=tmp_path / "cache")


@pytest.fixture
def adapter(tiny_models: ModuleType, tmp_path: Path) -> Path:
    path = tmp_path / "ward.gguf"
    tiny_models.write_adapter(path)
    return path


async def _said(config: LlamaConfig, request: GenerationRequest) -> Generation:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        assert (await engine.wait_until_settled()).status == "ready", engine.trouble
        return await engine.generate(request)
    finally:
        await engine.stop()


async def _refused(config: LlamaConfig) -> tuple[EngineState, str]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        return await engine.wait_until_settled(), engine.trouble
    finally:
        await engine.stop()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_an_adapter_changes_what_the_model_says_as_strongly_as_its_scale(
    tiny: LlamaConfig, adapter: Path, ask: Ask
) -> None:
    request = ask(samples=1, temperature=0, max_tokens=240)
    base = await _said(tiny, request)
    without = await _said(replace(tiny, adapters=(Adapter(adapter, 0.0),)), request)
    tuned = await _said(replace(tiny, adapters=(Adapter(adapter, 1.0),)), request)
    assert without.samples[0].text == base.samples[0].text
    assert tuned.samples[0].text != base.samples[0].text
    assert tuned.samples[0].finish == "stop"


@pytest.mark.slow
async def test_a_model_with_adapters_is_another_model_and_tells_its_parts(
    tiny: LlamaConfig, adapter: Path, ask: Ask
) -> None:
    request = ask(samples=1, max_tokens=8)
    base = (await _said(tiny, request)).model
    full = (await _said(replace(tiny, adapters=(Adapter(adapter, 1.0),)), request)).model
    half = (await _said(replace(tiny, adapters=(Adapter(adapter, 0.5),)), request)).model
    assert base.sha256 == _sha256(tiny.model)
    assert base.parts == ()
    assert len({base.sha256, full.sha256, half.sha256}) == 3
    assert full.name == f"{base.name} + ward"
    assert half.parts == (
        ModelPart("base.gguf", base.sha256),
        ModelPart("ward.gguf", _sha256(adapter), 0.5),
    )


@pytest.mark.slow
async def test_prefixes_of_one_adapter_are_not_another_s(
    tiny: LlamaConfig, adapter: Path, ask: Ask
) -> None:
    request = ask(samples=1, max_tokens=8)
    for scale in (1.0, 0.5):
        await _said(replace(tiny, adapters=(Adapter(adapter, scale),)), request)
    assert tiny.cache is not None
    assert len(list(tiny.cache.glob("state-*"))) == 2


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"architecture": "gemma3"}, "adapter-of-another-model", "architecture"),
        ({"wide": 128}, "adapter-of-another-model", "shape"),
        ({"kind": "ia3"}, "adapter-not-lora", "not a LoRA adapter"),
    ],
)
async def test_an_adapter_that_is_not_the_model_s_is_refused(
    tiny: LlamaConfig,
    tiny_models: ModuleType,
    tmp_path: Path,
    changes: dict[str, object],
    code: str,
    told: str,
) -> None:
    path = tmp_path / "other.gguf"
    tiny_models.write_adapter(path, **changes)
    state, trouble = await _refused(replace(tiny, adapters=(Adapter(path),)))
    assert (state.status, state.detail) == ("failed", code)
    assert told in trouble
    assert "other.gguf" in trouble


@pytest.mark.slow
async def test_a_model_is_no_adapter_and_a_changed_adapter_is_not_the_one(
    tiny: LlamaConfig, adapter: Path
) -> None:
    state, _ = await _refused(replace(tiny, adapters=(Adapter(tiny.model),)))
    assert state.detail == "adapter-not-lora"
    other = (Adapter(adapter, sha256="0" * 64),)
    state, trouble = await _refused(replace(tiny, adapters=other))
    assert state.detail == "model-digest-mismatch"
    assert "ward.gguf" in trouble
    adapter.write_bytes(adapter.read_bytes()[:-8])  # noqa: ASYNC240
    state, _ = await _refused(replace(tiny, adapters=(Adapter(adapter),)))
    assert state.detail == "model-truncated"
