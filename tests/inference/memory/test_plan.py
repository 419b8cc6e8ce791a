"""A model that cannot fit is refused before it is loaded, with the arithmetic."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.inference.engine import EngineUnavailable
from cds_hooks.inference.hardware.machine import available_memory, usable_processors
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.memory.context_size import ContextSize, KvType, Placement, Sizes, SplitMode
from cds_hooks.inference.memory.gpu_memory import GpuMemory, refuse_unless_gpus_hold
from cds_hooks.inference.memory.model_shape import shape_of, shape_of_dimensions
from cds_hooks.inference.memory.plan import OnGpus, plan, refuse_unless_it_fits
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry, load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_files.gguf import ModelFileError, read_header

MakeGguf = Callable[..., Path]
MIB = 1 << 20
HYBRID: dict[str, Any] = {
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
WINDOWS: dict[str, Any] = {
    "general.architecture": "gemma4",
    "gemma4.block_count": 4,
    "gemma4.embedding_length": 64,
    "gemma4.attention.head_count": 4,
    "gemma4.attention.head_count_kv": [2, 2, 2, 1],
    "gemma4.attention.key_length": 32,
    "gemma4.attention.value_length": 32,
    "gemma4.attention.key_length_swa": 16,
    "gemma4.attention.value_length_swa": 16,
    "gemma4.attention.sliding_window": 100,
    "gemma4.attention.sliding_window_pattern": [1, 1, 1, 0],
    "gemma4.vocab_size": 1000,
}
DENSE: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 4,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.vocab_size": 8,
}
_NAMED = ["token_embd.weight", *(f"blk.{n}.w.weight" for n in range(4)), "output.weight"]
TENSORS = tuple((name, (64,), 0, 256 * n) for n, name in enumerate(_NAMED))


def sizes(cells: int = 8192, sequences: int = 4, batch: int = 256, **changes: Any) -> Sizes:
    """Sizes of a context; `changes` are of the context or of `Sizes`."""
    own = {field.name for field in fields(ContextSize)}
    of_context = {name: value for name, value in changes.items() if name in own}
    others = {name: value for name, value in changes.items() if name not in own}
    size = ContextSize(cells, batch, sequences, threads=2, **of_context)
    return Sizes(size, **others)


def test_the_cache_of_the_embedded_model_is_reckoned_by_hand(embedded: Path) -> None:
    header = read_header(embedded)
    needed = plan(header, sizes())
    # 30 layers, 3 heads of keys and of values, 64 wide, 2 bytes each.
    assert needed.cache == 30 * 3 * (64 + 64) * 2 * 8192
    assert 0 <= header.file_size - header.data_start - needed.weights < 64
    assert (needed.states, needed.repacked, needed.kept, needed.gpu.total) == (0, 0, 0, 0)
    assert "KV cache 180" in needed.explain()
    assert needed.explain().endswith(f"= {-(-needed.total // MIB)} MiB")


def test_a_cache_of_q8_0_has_34_bytes_for_32_values(embedded: Path) -> None:
    needed = plan(read_header(embedded), sizes(kv_type=KvType.Q8_0, flash=True))
    assert needed.cache == 30 * 3 * (64 + 64) // 32 * 34 * 8192 == 100_270_080


# What llama.cpp 0.3.36 reported for this model: compute and output buffer, in MiB.
@pytest.mark.parametrize(
    ("cells", "sequences", "changes", "reported"),
    [
        (4096, 4, {}, 43.19 + 0.75),
        (16384, 4, {}, 163.19 + 0.75),
        (16384, 64, {}, 163.19 + 12.0),
        (16384, 4, {"micro_batch": 64}, 40.80 + 0.75),
        (16384, 4, {"flash": True}, 14.76 + 0.75),
        (8192, 4, {"flash": True, "kv_type": KvType.Q8_0}, 10.22 + 0.75),
    ],
)
def test_what_computing_takes_is_what_llama_cpp_reports(
    embedded: Path, cells: int, sequences: int, changes: dict[str, Any], reported: float
) -> None:
    """And on a processor the scores once more, in 16 bit: 9 heads for each token and cell."""
    needed = plan(read_header(embedded), sizes(cells, sequences, **changes))
    scores = 0 if changes.get("flash") else changes.get("micro_batch", 256) * cells * 9 * 2
    assert needed.compute - scores == pytest.approx(reported * MIB, rel=0.05)


def test_a_hybrid_model_caches_only_where_it_attends(make_gguf: MakeGguf) -> None:
    header = read_header(make_gguf(HYBRID))
    needed = plan(header, sizes(256, 3, 32))
    # Without flash attention values are as wide as in the widest layer.
    assert needed.cache == 2 * 2 * (32 + 16) * 2 * 256
    assert needed.states == 6 * 3 * 4 * (3 * (128 + 64) + 128 * 16)
    kept = plan(header, sizes(256, 3, 32, slots=2, kept_cells=100)).kept
    assert kept == 2 * 2 * (32 + 16) * 2 * 100 + 4 * 6 * 4 * (3 * (128 + 64) + 128 * 16)


def test_windows_take_their_own_width_and_only_what_they_see(make_gguf: MakeGguf) -> None:
    """Four layers, three with a window of 100; 2 heads of 16 with it, 1 of 32 without."""
    header = read_header(make_gguf(WINDOWS))
    whole = plan(header, sizes(8192, 4, 64, flash=True))
    assert whole.cache == 3 * 2 * 16 * 2 * 2 * 8192 + 1 * 32 * 2 * 2 * 8192
    part = plan(header, sizes(8192, 4, 64, flash=True, windowed=True))
    # One window a sequence, half as many for shared prompts, one batch: 664, in blocks of 256.
    assert part.cache == 3 * 2 * 16 * 2 * 2 * 768 + 1 * 32 * 2 * 2 * 8192


def test_a_header_that_claims_any_number_of_layers_is_read_at_once(make_gguf: MakeGguf) -> None:
    header = read_header(make_gguf(DENSE))
    told = replace(header, metadata={**header.metadata, "llama.block_count": 1 << 40})
    assert len(shape_of(told).layers) == 512


def test_what_a_model_with_windows_keeps_lies_in_its_cache_unless_that_is_windowed(
    make_gguf: MakeGguf,
) -> None:
    header = read_header(make_gguf(WINDOWS))
    inside = plan(header, sizes(8192, 4, 64, slots=2, kept_cells=1000))
    assert inside.cache == plan(header, sizes(8192 + 1024, 8, 64)).cache
    assert inside.kept == 0
    copied = plan(header, sizes(8192, 4, 64, slots=2, kept_cells=1000, windowed=True))
    # Of three layers the window's 100 cells, of one all; values as wide as in the widest layer.
    assert copied.kept == 3 * 64 * 2 * 100 + 64 * 2 * 1000


def test_layers_and_their_cache_are_shared_between_memory_and_gpus(make_gguf: MakeGguf) -> None:
    """Two of four layers and the output on GPUs: one number more than layers."""
    header = read_header(make_gguf(DENSE, TENSORS, 64 * 4 * 6))
    assert plan(header, sizes()).gpu.total == 0
    split = plan(header, sizes(placement=Placement(gpu_layers=3)))
    whole = plan(header, sizes(placement=Placement(gpu_layers=-1)))
    each = 2 * 16 * 2 * 2 * 8192
    assert (split.cache, split.gpu.cache) == (2 * each, 2 * each)
    assert (whole.cache, whole.gpu.cache) == (0, 4 * each)
    assert (split.weights, split.gpu.weights) == (3 * 256, 3 * 256)
    assert (whole.weights, whole.gpu.weights) == (256, 5 * 256)
    # Masks are there twice where some layers are not.
    assert split.gpu.compute - whole.gpu.compute == 256 * 8192 * 4
    assert "; on GPUs weights 1 + KV cache 4" in whole.explain()


@pytest.mark.parametrize(
    ("features", "repacks", "expected"),
    [
        ((), True, 0),
        (("avx2",), True, 144 * 16),
        (("avx2",), False, 0),
        (("asimddp",), True, 144 * 16),
    ],
)
def test_repacked_weights_are_there_twice(
    make_gguf: MakeGguf, features: tuple[str, ...], repacks: bool, expected: int
) -> None:
    """Of three matrices of Q4_K the one with 16 rows, not the embedding, not that with 7."""
    tensors = (
        ("token_embd.weight", (256, 8), 12, 0),
        ("blk.0.a.weight", (256, 16), 12, 144 * 8),
        ("blk.0.b.weight", (256, 7), 12, 144 * 24),
        ("output.weight", (256, 8), 0, 144 * 32),
    )
    header = read_header(make_gguf(DENSE, tensors, 144 * 32 + 256 * 8 * 4))
    beside = sizes(features=features, repacks=repacks, placement=Placement(1))
    assert plan(header, beside).repacked == 0
    needed = plan(header, sizes(features=features, repacks=repacks))
    assert needed.repacked == expected
    assert needed.total - needed.needed == expected
    assert ("without pages that the system takes back" in needed.explain()) == bool(expected)


def test_weights_in_several_files_are_counted_whole(make_gguf: MakeGguf) -> None:
    """Every tensor has the offset in its own file, so a span would say nothing."""
    tensors = (
        ("token_embd.weight", (256, 8), 12, 0),
        ("blk.0.a.weight", (256, 16), 12, 0),
        ("output.weight", (256, 8), 0, 144 * 16),
    )
    header = read_header(make_gguf({**DENSE, "split.count": 2}, tensors, 144 * 16 + 8192))
    needed = plan(header, sizes(features=("avx2",)))
    assert (needed.weights, needed.repacked) == (144 * 24 + 8192, 144 * 16)


@pytest.mark.parametrize(
    ("placement", "free", "refused"),
    [
        (Placement(-1), (2.0,), ""),
        (Placement(-1), (0.99,), "gpu0"),
        (Placement(-1), (0.75, 0.45), ""),
        (Placement(-1), (0.75, 0.35), "gpu1"),
        (Placement(-1, SplitMode.ROW), (0.75, 0.35), ""),
        (Placement(-1), (0.5, 0.4), "gpu0"),
        (Placement(-1, tensor_split=(1.0, 3.0)), (2.0, 0.7), "gpu1"),
        (Placement(-1, tensor_split=(1.0, 3.0)), (0.33, 0.78), ""),
        (Placement(-1, tensor_split=(1.0,)), (1.0, 0.0), ""),
        (Placement(-1, SplitMode.NONE, main_gpu=1), (2.0, 0.9), "gpu1"),
        (Placement(-1, SplitMode.NONE, main_gpu=1), (0.1, 1.1), ""),
        (Placement(-1), (), ""),
    ],
)
def test_too_little_memory_on_a_gpu_is_refused_by_its_share(
    placement: Placement, free: tuple[float, ...], refused: str
) -> None:
    """`free` is in parts of what one GPU alone needs: 0.9 are shared, 0.1 each computes in."""
    needed = OnGpus(weights=600 << 20, cache=300 << 20, compute=100 << 20)
    gpus = [GpuMemory(f"gpu{n}", int(part * needed.total)) for n, part in enumerate(free)]
    if not refused:
        refuse_unless_gpus_hold(needed, gpus, placement, "m.gguf")
        return
    with pytest.raises(ModelFileError) as caught:
        refuse_unless_gpus_hold(needed, gpus, placement, "m.gguf")
    assert caught.value.code == "gpu-memory-insufficient"
    told = caught.value.diagnostics()
    assert f"{refused} has" in told
    assert needed.explain() in told
    assert "model.gpu_layers" in told


@pytest.mark.parametrize(
    ("placement", "key"),
    [
        (Placement(-1, tensor_split=(1.0, 1.0, 1.0)), "model.tensor_split needs 3 GPUs"),
        (Placement(-1, SplitMode.NONE, main_gpu=2), "model.main_gpu needs 3 GPUs"),
    ],
)
def test_shares_of_gpus_that_are_not_there_are_refused(placement: Placement, key: str) -> None:
    gpus = [GpuMemory("CUDA0", 1 << 40), GpuMemory("CUDA1", 1 << 40)]
    with pytest.raises(ModelFileError) as caught:
        refuse_unless_gpus_hold(OnGpus(weights=1), gpus, placement, "m.gguf")
    assert caught.value.code == "gpu-split-unusable"
    assert f"{key}, and llama.cpp sees 2 (CUDA0, CUDA1)" in caught.value.diagnostics()


def test_what_exceeds_the_memory_is_refused_with_the_arithmetic(embedded: Path) -> None:
    needed = plan(read_header(embedded), sizes())
    refuse_unless_it_fits(needed, None, "m.gguf")
    refuse_unless_it_fits(needed, needed.total, "m.gguf")
    with pytest.raises(ModelFileError) as caught:
        refuse_unless_it_fits(needed, needed.total - 1, "m.gguf")
    assert caught.value.code == "memory-insufficient"
    assert needed.explain() in caught.value.diagnostics()


@pytest.mark.parametrize("entry", load_catalogue().entries, ids=lambda entry: entry.name)
def test_the_catalogue_s_dimensions_agree_with_what_it_says_of_a_token(entry: ModelEntry) -> None:
    assert entry.dimensions is not None
    shape = shape_of_dimensions(entry.dimensions)
    assert len(shape.layers) == entry.dimensions.layers
    token = sum(shape.cell(layer, KvType.F16, flash=True) for layer in shape.layers)
    assert token == entry.kv_kib * 1024
    assert bool(shape.window) == any(layer.windowed for layer in shape.layers)


def test_the_embedded_model_s_dimensions_are_its_file_s(embedded: Path) -> None:
    entry = known_entry(load_catalogue(), embedded)
    assert entry.dimensions is not None
    assert shape_of_dimensions(entry.dimensions) == shape_of(read_header(embedded))


async def test_heads_that_have_no_whole_blocks_are_not_kept_as_q8_0(
    config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.gguf"
    tiny_models.write("llama", path)
    entry = config.entry.model_copy(update={"sha256": ""})
    changed = replace(config, model=path, entry=entry, cache=None, kv_type=KvType.Q8_0)
    engine = LlamaEngine(changed)
    await engine.start()
    try:
        state = await engine.wait_until_settled()
        assert (state.status, state.detail) == ("failed", "kv-type-unusable")
        assert "model.kv_type" in engine.trouble
    finally:
        await engine.stop()


async def test_an_engine_that_cannot_fit_fails_at_start(config: LlamaConfig) -> None:
    engine = LlamaEngine(replace(config, prompt_tokens=2**30, parallel=2**10))
    await engine.start()
    try:
        state = await engine.wait_until_settled()
        assert (state.status, state.detail) == ("failed", "memory-insufficient")
        with pytest.raises(EngineUnavailable) as caught:
            await engine.count_tokens(["a"])
        for told in (engine.trouble, caught.value.diagnostics()):
            arithmetic = r"weights \d+ \+ KV cache \d+ .* = \d+ MiB.*; of main memory \d+ MiB are"
            assert re.search(arithmetic, told)
            assert "model.parallel" in told
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
