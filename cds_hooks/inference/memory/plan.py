"""How much memory a model takes, computed before anything is loaded, in one place for all.

`chartside models check`, `chartside models advise` and the engine process at its start all ask
`plan`. What it counts is what a process holds at its peak, under full load: anonymous memory and
the pages of the file that it maps (`VmHWM` of `/proc/PID/status`), and what llama.cpp allocates on
GPUs. `tests/bench/bench_memory.py` compares it with real peaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cds_hooks.inference.memory.context_size import ContextSize, KvType, Sizes
from cds_hooks.inference.memory.model_shape import LayerShape, ModelShape, shape_of
from cds_hooks.inference.memory.weights import Weights, layers_on_gpus, weights_of
from cds_hooks.inference.model_files.gguf import Header, ModelFileError

__all__ = [
    "MemoryPlan",
    "OnGpus",
    "plan",
    "plan_of",
    "refuse_unless_heads_fit",
    "refuse_unless_it_fits",
]

_F16 = 2
_F32 = 4
_BLOCK = 256
_MIB = 1 << 20
_ROWS = 6  # of a token's width that attention holds beside scores and masks
_FEED_ROWS = 4  # the same beside the feed-forward, which has gate, up and their product
_FEED_FORWARD = 3
# Measured of the engine process: interpreter and libraries, and for each token of the vocabulary
# the tables of llama.cpp, of the tokenizer and of the constraint.
_BASE = 84 * _MIB
_A_TOKEN = 700
_A_BYTE_OF_NAMES = 20


@dataclass(frozen=True, slots=True)
class OnGpus:
    """Bytes on all GPUs together."""

    weights: int = 0
    cache: int = 0
    states: int = 0
    compute: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.states + self.compute

    def explain(self) -> str:
        """The arithmetic in one line, in MiB."""
        parts = {
            "weights": self.weights,
            "KV cache": self.cache,
            "states": self.states,
            "computing": self.compute,
        }
        return _summed(parts, self.total)


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes of main memory for weights as they are mapped, their repacked copies, adapters, KV
    cache, states, kept prompts, computing and the rest; `gpu` has what is on GPUs."""

    weights: int
    cache: int
    states: int
    compute: int
    repacked: int = 0
    adapters: int = 0
    kept: int = 0
    overhead: int = 0
    gpu: OnGpus = field(default_factory=OnGpus)

    @property
    def total(self) -> int:
        """All of main memory."""
        parts = (self.weights, self.repacked, self.adapters, self.cache, self.states, self.kept)
        return sum(parts) + self.compute + self.overhead

    @property
    def needed(self) -> int:
        """The same without the file's own pages of what was repacked, which are read once and
        which the system takes back when something else wants them."""
        return self.total - min(self.repacked, self.weights)

    def explain(self) -> str:
        """The arithmetic in one line, in MiB."""
        parts = {
            "weights": self.weights,
            "repacked weights": self.repacked,
            "adapters": self.adapters,
            "KV cache": self.cache,
            "states": self.states,
            "kept prompts": self.kept,
            "computing": self.compute,
            "overhead": self.overhead,
        }
        told = _summed(parts, self.total)
        if self.repacked:
            told += f", {_mib(self.needed)} MiB without pages that the system takes back"
        if not self.gpu.total:
            return told
        return f"{told}; on GPUs {self.gpu.explain()}"


def plan(header: Header, sizes: Sizes, *, adapters: int = 0) -> MemoryPlan:
    """What a file takes, loaded with these sizes; `adapters` are the bytes of its adapters."""
    return plan_of(shape_of(header), weights_of(header, sizes), sizes, adapters=adapters)


def plan_of(shape: ModelShape, weights: Weights, sizes: Sizes, *, adapters: int = 0) -> MemoryPlan:
    """The same of a model of this shape."""
    windows = shape.window > 0
    size = sizes.context(windows=windows)
    count = len(shape.layers)
    on_gpus = layers_on_gpus(sizes.placement, count)
    first = count + 1 - on_gpus
    here, there = shape.layers[:first], shape.layers[first:]
    kept = _cache(shape, shape.layers, size, sizes.kept_cells, whole=False)
    kept += 2 * sizes.slots * _states(shape.layers, 1)
    copies = sizes.keeps_copies(windows=windows)
    rows = size.native_sequences * shape.vocabulary * _F32
    computing = _computing(shape, size, size.computed)
    reserved = _computing(shape, size, size.reserved)
    reserved += _masks(shape, size, size.reserved) if here else 0
    return MemoryPlan(
        weights=weights.mapped,
        repacked=weights.repacked,
        adapters=adapters,
        cache=_cache(shape, here, size, size.cells),
        states=_states(here, size.native_sequences),
        kept=kept if copies else 0,
        compute=rows + (_inputs(shape, size) if on_gpus else computing + _work(shape, size)),
        overhead=_overhead(shape, sizes),
        gpu=OnGpus(
            weights=weights.gpu,
            cache=_cache(shape, there, size, size.cells),
            states=_states(there, size.native_sequences),
            compute=reserved if on_gpus else 0,
        ),
    )


def refuse_unless_heads_fit(header: Header, kv_type: KvType, file_name: str) -> None:
    """Raises ModelFileError kv-type-unusable where the cache cannot be kept in this type."""
    if not shape_of(header).fits(kv_type):
        raise ModelFileError(
            "kv-type-unusable",
            f"The KV cache cannot be {kv_type}: the model's heads are no multiples of 32 wide",
            where=file_name,
            hint="Set model.kv_type to f16.",
        )


def refuse_unless_it_fits(plan: MemoryPlan, available: int | None, file_name: str) -> None:
    """Raises ModelFileError memory-insufficient with the arithmetic; unknown memory passes."""
    if available is not None and plan.needed > available:
        raise ModelFileError(
            "memory-insufficient",
            f"{plan.explain()}; of main memory {available // _MIB} MiB are available",
            where=file_name,
            hint="Set model.parallel or services.samples lower, model.kv_type to q8_0, or choose a "
            "smaller model or quantisation.",
        )


def _cache(
    shape: ModelShape,
    layers: Sequence[LayerShape],
    size: ContextSize,
    cells: int,
    *,
    whole: bool = True,
) -> int:
    """Keys and values of so many cells; of windows no more than they see, where it is windowed.

    A context (`whole`) has space for a window of each sequence (`llama_kv_cache_iswa`), a copy of
    one sequence for one.
    """
    found = 0
    for layer in layers:
        held = cells
        if layer.windowed and size.windowed:
            seen = shape.window * (size.native_sequences if whole else 1)
            held = min(cells, _padded(seen + size.computed) if whole else seen)
        found += held * shape.cell(layer, size.kv_type, flash=size.flash)
    return found


def _states(layers: Sequence[LayerShape], sequences: int) -> int:
    return sum(layer.state for layer in layers) * _F32 * sequences


def _computing(shape: ModelShape, size: ContextSize, tokens: int) -> int:
    """The largest of attention, feed-forward and logits of one micro-batch of so many tokens: on
    GPUs of all that are allocated for, on a processor of those that are ever touched.

    Without flash attention each head has a score of 32 bit for every cell. A mask is 16 bit with
    it and 32 without; windows have one of their own.
    """
    masks = _masks(shape, size, tokens)
    token = shape.width * _F32
    scores = 0 if size.flash else size.cells * shape.heads * _F32
    attention = tokens * (scores + _ROWS * token)
    feed_forward = tokens * (_FEED_FORWARD * shape.feed_forward * _F32 + _FEED_ROWS * token)
    logits = size.outputs * shape.vocabulary * _F32 + 2 * tokens * token
    return max(masks + attention, masks + feed_forward, logits)


def _masks(shape: ModelShape, size: ContextSize, tokens: int) -> int:
    return tokens * size.cells * (_F16 if size.flash else _F32) * (2 if shape.window else 1)


def _work(shape: ModelShape, size: ContextSize) -> int:
    """What a processor needs beside: the scores once more, as 16 bit (`ggml_graph_plan`)."""
    return 0 if size.flash else size.computed * size.cells * shape.heads * _F16


def _inputs(shape: ModelShape, size: ContextSize) -> int:
    """What the processor holds when any layer is on a GPU: that computes large batches of every
    layer, and has masks of its own of those that are not there."""
    return _masks(shape, size, size.computed) + 2 * size.computed * shape.width * _F32


def _overhead(shape: ModelShape, sizes: Sizes) -> int:
    return _BASE + _A_TOKEN * shape.vocabulary + _A_BYTE_OF_NAMES * sizes.names


def _summed(parts: dict[str, int], total: int) -> str:
    summed = " + ".join(f"{name} {_mib(size)}" for name, size in parts.items() if size)
    return f"{summed} = {_mib(total)} MiB"


def _mib(size: int) -> int:
    return -(-size // _MIB)


def _padded(cells: int) -> int:
    return -(-cells // _BLOCK) * _BLOCK
