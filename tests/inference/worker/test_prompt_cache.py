"""What prompts have in common is evaluated once, and a template's part not even after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.inference.engine import Generation, GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from prompts.prompt import Message

pytestmark = pytest.mark.model
Ask = Callable[..., GenerationRequest]
SYSTEM = "You list the diagnoses that explain a chart, as JSON, and name no symptom. " * 2


async def _one_life(config: LlamaConfig, *requests: GenerationRequest) -> list[Generation]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        await engine.wait_until_settled()
        return [await engine.generate(request) for request in requests]
    finally:
        await engine.stop()


def _about(ask: Ask, chart: str) -> GenerationRequest:
    messages = (Message("system", SYSTEM), Message("user", chart))
    return replace(ask(), messages=messages, temperature=0)  # last bits decide nothing


@pytest.mark.slow
async def test_a_second_chart_and_a_restart_spare_the_template_s_part(
    config: LlamaConfig, ask: Ask, tmp_path: Path
) -> None:
    config = replace(config, cache=tmp_path / "cache")
    chart, other = _about(ask, "S1 swollen legs\nL1 potassium high"), _about(ask, "S1 a rash\nL1 x")
    first, second = await _one_life(config, chart, other)
    assert first.tokens_reused == 0
    assert second.tokens_reused >= 30
    saved = [path for path in (tmp_path / "cache").iterdir() if path.name.startswith("state-")]
    assert len(saved) == 1

    (restored,) = await _one_life(config, chart)
    assert 30 <= restored.tokens_reused <= second.tokens_reused
    assert [s.text for s in restored.samples] == [s.text for s in first.samples]

    whole = saved[0].read_bytes()
    saved[0].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (evaluated,) = await _one_life(config, chart)
    assert evaluated.tokens_reused == 0
    assert [s.text for s in evaluated.samples] == [s.text for s in first.samples]
    assert saved[0].read_bytes() == whole


@pytest.mark.slow
async def test_nothing_of_a_chart_is_written_to_disk(
    config: LlamaConfig, ask: Ask, tmp_path: Path
) -> None:
    config = replace(config, cache=tmp_path / "cache")
    await _one_life(config, *[_about(ask, f"S1 secret number {n} " * 20) for n in range(3)])
    kinds = sorted(path.name.split("-")[0] for path in (tmp_path / "cache").iterdir())
    assert kinds == ["names", "names", "state"]
