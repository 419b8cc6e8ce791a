"""Whether a model fits this machine, reckoned from its header before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.inference.gguf import Header, ModelFileError

__all__ = ["MOST_SEQUENCES", "MemoryPlan", "plan", "refuse_unless_it_fits"]

MOST_SEQUENCES = 256
"""Sequences that a context of llama.cpp can have (`LLAMA_MAX_SEQ`)."""

_F16 = 2
_F32 = 4
_MASKS = 2  # of the whole cache, and of sliding windows
_MIB = 1 << 20
_OVERHEAD = 96 * _MIB  # interpreter, libraries, vocabulary tables and names


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes for weights, adapters, KV cache, states, kept prompts, computing, and the rest."""

    weights: int
    cache: int
    states: int
    compute: int
    adapters: int = 0
    kept: int = 0
    overhead: int = _OVERHEAD

    @property
    def total(self) -> int:
        """All of it."""
        parts = (self.weights, self.adapters, self.cache, self.states, self.kept, self.compute)
        return sum(parts) + self.overhead

    def explain(self) -> str:
        """The arithmetic in one line, in MiB."""
        parts = {
            "weights": self.weights,
            "adapters": self.adapters,
            "KV cache": self.cache,
            "states": self.states,
            "kept prompts": self.kept,
            "computing": self.compute,
            "overhead": self.overhead,
        }
        summed = " + ".join(f"{name} {-(-size // _MIB)}" for name, size in parts.items() if size)
        return f"{summed} = {-(-self.total // _MIB)} MiB"


def plan(
    header: Header, *, cells: int, sequences: int, batch: int, flash: bool = False
) -> MemoryPlan:
    """What a context of `cells` and `sequences` needs, from above.

    Every layer with KV heads holds a key and a value of 16 bit a cell (sliding windows are kept
    whole here, so that a state can be cut). Recurrent layers hold one state of 32 bit a sequence.
    Computing holds one row of logits a sequence, two masks of a batch over every cell and, unless
    attention is computed in one piece (`flash`), as many scores for each head.
    Source of the keys: `docs/gguf.md` of ggml-org/ggml and `src/llama-hparams.cpp` of llama.cpp.
    """
    layers = header.of_architecture("block_count")
    heads = max(header.of_architecture("attention.head_count"), 1)
    width = header.of_architecture("embedding_length")
    key = header.of_architecture("attention.key_length", width // heads)
    value = header.of_architecture("attention.value_length", width // heads)
    attending = _attending_layers(header, layers)
    kv_heads = header.of_architecture("attention.head_count_kv", heads)
    vocabulary = _vocabulary(header)
    scores = batch * _F32 * cells * (_MASKS if flash else heads + _MASKS)
    rows = batch * (vocabulary + 8 * max(width, _widest(header))) + sequences * vocabulary
    return MemoryPlan(
        weights=header.file_size,
        cache=attending * kv_heads * (key + value) * _F16 * cells,
        states=(layers - attending) * _state(header) * sequences,
        compute=_F32 * rows + scores,
    )


def refuse_unless_it_fits(plan: MemoryPlan, available: int | None, file_name: str) -> None:
    """Raises ModelFileError memory-insufficient with the arithmetic; unknown memory passes."""
    if available is not None and plan.total > available:
        raise ModelFileError(
            "memory-insufficient",
            f"{plan.explain()}, of which {available // _MIB} MiB are available",
            where=file_name,
            hint="Choose a smaller model, fewer samples, shorter prompts or less in parallel.",
        )


def _attending_layers(header: Header, layers: int) -> int:
    """Layers with a KV cache: all, but for hybrids that say every how many-th it is."""
    per_layer = header.metadata.get(f"{header.architecture}.attention.head_count_kv")
    if isinstance(per_layer, tuple):
        return sum(1 for heads in per_layer if heads)
    interval = header.of_architecture("full_attention_interval")
    return layers // interval if interval else layers


def _state(header: Header) -> int:
    """Bytes of one recurrent layer's state: the convolution's tail and the inner state."""
    inner = header.of_architecture("ssm.inner_size")
    size = header.of_architecture("ssm.state_size")
    groups = header.of_architecture("ssm.group_count")
    kernel = header.of_architecture("ssm.conv_kernel")
    return _F32 * (max(kernel - 1, 0) * (inner + 2 * groups * size) + inner * size)


def _vocabulary(header: Header) -> int:
    for tensor in header.tensors:
        if tensor.name == "token_embd.weight" and tensor.shape:
            return tensor.shape[-1]
    return header.of_architecture("vocab_size")


def _widest(header: Header) -> int:
    return header.of_architecture("feed_forward_length")
