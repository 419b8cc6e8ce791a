"""A model that cannot fit is refused before it is loaded, with the arithmetic."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.inference.config import LlamaConfig
from cds_hooks.inference.engine import EngineUnavailable
from cds_hooks.inference.gguf import ModelFileError, read_header
from cds_hooks.inference.llama import LlamaEngine
from cds_hooks.inference.machine import available_memory, usable_processors
from cds_hooks.inference.memory import plan, refuse_unless_it_fits

MakeGguf = Callable[..., Path]
MIB = 1 << 20


def test_the_cache_of_the_embedded_model_is_reckoned_by_hand(embedded: Path) -> None:
    header = read_header(embedded)
    needed = plan(header, cells=8192, sequences=4, batch=256)
    # 30 layers, 3 heads of keys and of values, 64 wide, 2 bytes each.
    assert needed.cache == 30 * 3 * (64 + 64) * 2 * 8192
    assert needed.weights == embedded.stat().st_size
    assert needed.states == 0
    assert "KV cache 180" in needed.explain()
    assert needed.explain().endswith(f"= {-(-needed.total // MIB)} MiB")


# Compute buffer and output buffer that llama.cpp 0.3.36 reported for this model, in bytes.
@pytest.mark.parametrize(
    ("cells", "sequences", "batch", "flash", "reported"),
    [
        (4096, 4, 256, False, 52_102_000 + 786_432),
        (16384, 4, 256, False, 171_120_000 + 786_432),
        (16384, 64, 256, False, 171_120_000 + 12_582_912),
        (16384, 4, 64, False, 42_780_000 + 786_432),
        (16384, 4, 256, True, 51_512_000 + 786_432),
    ],
)
def test_what_computing_takes_is_reckoned_from_above_and_not_far(
    embedded: Path, cells: int, sequences: int, batch: int, flash: bool, reported: int
) -> None:
    header = read_header(embedded)
    needed = plan(header, cells=cells, sequences=sequences, batch=batch, flash=flash)
    assert reported <= needed.compute <= 2.1 * reported


def test_the_scores_of_attention_are_reckoned_by_hand(embedded: Path) -> None:
    """9 heads, 256 tokens a batch, 8192 cells, 4 bytes each."""
    header = read_header(embedded)
    whole = plan(header, cells=8192, sequences=4, batch=256)
    flash = plan(header, cells=8192, sequences=4, batch=256, flash=True)
    assert whole.compute - flash.compute == 75_497_472


def test_a_hybrid_model_caches_only_where_it_attends(make_gguf: MakeGguf) -> None:
    header = read_header(
        make_gguf(
            {
                "general.architecture": "hybrid",
                "hybrid.block_count": 8,
                "hybrid.embedding_length": 64,
                "hybrid.attention.head_count": 4,
                "hybrid.attention.head_count_kv": 2,
                "hybrid.attention.key_length": 32,
                "hybrid.attention.value_length": 16,
                "hybrid.full_attention_interval": 4,
                "hybrid.ssm.inner_size": 128,
                "hybrid.ssm.state_size": 16,
                "hybrid.ssm.group_count": 2,
                "hybrid.ssm.conv_kernel": 4,
                "hybrid.vocab_size": 1000,
            }
        )
    )
    needed = plan(header, cells=256, sequences=3, batch=1)
    assert needed.cache == 2 * 2 * (32 + 16) * 2 * 256
    assert needed.states == 6 * 3 * 4 * (3 * (128 + 64) + 128 * 16)


def test_what_exceeds_the_memory_is_refused_with_the_arithmetic(embedded: Path) -> None:
    needed = plan(read_header(embedded), cells=8192, sequences=4, batch=256)
    refuse_unless_it_fits(needed, None, "m.gguf")
    refuse_unless_it_fits(needed, needed.total, "m.gguf")
    with pytest.raises(ModelFileError) as caught:
        refuse_unless_it_fits(needed, needed.total - 1, "m.gguf")
    assert caught.value.code == "memory-insufficient"
    assert needed.explain() in caught.value.diagnostics()


async def test_an_engine_that_cannot_fit_fails_at_start(config: LlamaConfig) -> None:
    engine = LlamaEngine(replace(config, prompt_tokens=2**30, parallel=2**10))
    await engine.start()
    try:
        state = await engine.settled()
        assert (state.status, state.detail) == ("failed", "memory-insufficient")
        with pytest.raises(EngineUnavailable) as caught:
            await engine.count_tokens(["a"])
        for told in (engine.trouble, caught.value.diagnostics()):
            assert re.search(r"weights \d+ \+ KV cache \d+ .* = \d+ MiB, of which \d+ MiB", told)
    finally:
        await engine.stop()


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", None), ("150000 100000", 1), ("50000 100000", 1)]
)
def test_no_more_processors_are_used_than_the_control_group_grants(
    tmp_path: Path, quota: str, expected: int | None
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    whole = usable_processors(tmp_path / "none")
    assert usable_processors(tmp_path) == (expected or whole)


def test_available_memory_is_the_least_of_what_machine_and_group_have(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 100 kB\nMemAvailable:   90 kB\n")
    assert available_memory(tmp_path, meminfo) == 90 * 1024
    (tmp_path / "memory.max").write_text("50000\n")
    (tmp_path / "memory.current").write_text("20000\n")
    assert available_memory(tmp_path, meminfo) == 30_000
    assert available_memory(tmp_path / "none", tmp_path / "none") is None


def test_more_at_once_than_llama_cpp_has_sequences_for_waits_instead(config: LlamaConfig) -> None:
    assert replace(config, parallel=1).sequences < replace(config, parallel=3).sequences
    assert replace(config, parallel=1000).sequences == 256
