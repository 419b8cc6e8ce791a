"""How a model is loaded: from settings to llama.cpp, what does not go together, what is reused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import prompts
from cds_hooks.inference.engine import Generation, GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.memory.context_size import (
    Choice,
    ContextSize,
    KvType,
    Placement,
    SplitMode,
)
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.runtime.engines import local_configs
from cds_hooks.settings import Settings, SettingsError, load_settings

Ask = Callable[..., GenerationRequest]
ALL = """
[model]
path = "a.gguf"
names = ""
threads = 3
prompt_threads = 5
gpu_layers = 20
split_mode = "row"
tensor_split = [3, 1]
main_gpu = 1
batch = 128
micro_batch = 64
kv_type = "q8_0"
swa = "windowed"
flash_attention = "on"
extra_buffers = "off"
load_s = 7200
load_silence_s = 900
"""


def _settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "chartside.toml"
    path.write_text(text)
    return load_settings(path, {})


def _config(settings: Settings) -> LlamaConfig:
    [config] = local_configs(settings, prompts.load("differential").settings, 2)
    return config


def test_every_setting_of_a_load_reaches_the_engine_process(tmp_path: Path) -> None:
    config = _config(_settings(tmp_path, ALL))
    order = LoadOrder.from_frame(config.order())
    assert order.placement == Placement(20, SplitMode.ROW, (3.0, 1.0), 1)
    assert order.size == config.size
    size = order.size
    assert (size.threads, size.prompt_threads, size.batch, size.micro_batch) == (3, 5, 128, 64)
    assert (size.kv_type, size.windowed, size.flash) == (KvType.Q8_0, True, True)
    assert (order.flash_attention, order.extra_buffers) == (Choice.ON, Choice.OFF)
    assert (config.load_s, config.load_silence_s) == (7200, 900)
    assert order.sizes == config.sizes


@pytest.mark.parametrize(
    ("text", "flash"),
    [
        ("", False),
        ("gpu_layers = -1", True),
        ('kv_type = "q8_0"', True),
        ('flash_attention = "on"', True),
        ('gpu_layers = 9\nflash_attention = "off"', False),
    ],
)
def test_flash_attention_until_something_is_measured(
    tmp_path: Path, text: str, flash: bool
) -> None:
    settings = _settings(tmp_path, f'[model]\nnames = ""\n{text}\n')
    assert _config(settings).size.flash == flash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kv_type = "q4_0"', "'f16' or 'q8_0'"),
        ('swa = "half"', "'full' or 'windowed'"),
        ('split_mode = "tensor"', "'layer', 'row' or 'none'"),
        ('flash_attention = "auto"', "'measured', 'on' or 'off'"),
        ("extra_buffers = true", "'measured', 'on' or 'off'"),
        ('kv_type = "q8_0"\nflash_attention = "off"', 'flash_attention = "on"'),
        ("batch = 64\nmicro_batch = 65", "micro_batch"),
        ("batch = 31", "greater than or equal to 32"),
        ("gpu_layers = 1\ntensor_split = [0, 0]", "tensor_split"),
        ("gpu_layers = 1\ntensor_split = [1, -1]", "greater than or equal to 0"),
        ("tensor_split = [1]", "gpu_layers"),
        ("load_s = 10\nload_silence_s = 11", "load_silence_s"),
        ("load_s = 0", "greater than 0"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_choices(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        _settings(tmp_path, f"[model]\n{text}\n")
    assert told in refused.value.diagnostics()


@pytest.mark.parametrize(
    ("sequences", "windowed", "expected"),
    [(4, False, 4), (1, True, 2), (4, True, 6), (5, True, 8), (170, True, 255), (256, True, 256)],
)
def test_windows_have_space_for_shared_prompts(
    sequences: int, windowed: bool, expected: int
) -> None:
    size = ContextSize(4096, 256, sequences, 1, windowed=windowed)
    assert size.native_sequences == expected


def test_cells_for_a_search_are_asked_for_where_one_is_made(config: LlamaConfig) -> None:
    free = replace(config, names=None)
    assert config.cells - free.cells == config.parallel * 1024
    assert free.sequences == config.parallel * config.samples


async def _one_life(config: LlamaConfig, *requests: GenerationRequest) -> list[Generation]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        state = await engine.wait_until_settled()
        assert state.status == "ready", engine.trouble
        return [await engine.generate(request) for request in requests]
    finally:
        await engine.stop()


@pytest.fixture
def gemma(config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path) -> LlamaConfig:
    """A tiny model with windows of 32 tokens, which every prompt and answer here is longer than."""
    path = tmp_path / "gemma3.gguf"
    tiny_models.write("gemma3", path)
    entry = load_catalogue().get("medgemma-27b-text-it").model_copy(update={"sha256": ""})
    return replace(config, model=path, entry=entry, cache=tmp_path / "cache", micro_batch=32)


@pytest.mark.model
async def test_a_windowed_cache_answers_alike_and_is_reused_only_whole(
    gemma: LlamaConfig, ask: Ask
) -> None:
    chart = ask(samples=3, temperature=0, max_tokens=240)
    cut = ask(chart="S1 swelling of the hands", temperature=0, max_tokens=240)
    whole, _, again = await _one_life(gemma, chart, cut, chart)
    first, other, second = await _one_life(replace(gemma, windowed=True), chart, cut, chart)
    assert [s.text for s in first.samples] == [s.text for s in whole.samples]
    assert [s.text for s in second.samples] == [s.text for s in first.samples]
    assert again.tokens_reused == second.tokens_reused == second.tokens_prompt
    # The system part, which is kept whole, and nothing of the chart behind it.
    (alone,) = await _one_life(replace(gemma, windowed=True), cut)
    assert 0 < other.tokens_reused == alone.tokens_reused


@pytest.mark.model
@pytest.mark.parametrize(
    "changes",
    [{"windowed": True}, {"flash_attention": Choice.ON}, {"micro_batch": 64}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_saved_state_is_only_read_by_who_computes_alike(
    gemma: LlamaConfig, ask: Ask, changes: dict[str, Any]
) -> None:
    (first,) = await _one_life(gemma, ask(max_tokens=8))
    (again,) = await _one_life(gemma, ask(max_tokens=8))
    (other,) = await _one_life(replace(gemma, **changes), ask(max_tokens=8))
    assert (first.tokens_reused, other.tokens_reused) == (0, 0)
    assert again.tokens_reused > 0
