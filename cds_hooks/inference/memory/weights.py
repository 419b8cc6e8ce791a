"""Where a model's weights are in memory: mapped from the file, repacked, on GPUs.

Pure. Sources: `llama_model_base::load_tensors` of llama.cpp (which layers GPUs get, what a mapping
spans), `ggml_repack_get_optimal_repack_type` of ggml (which tensors are repacked).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cds_hooks.inference.memory.context_size import Placement, Sizes
from cds_hooks.inference.memory.model_shape import ModelShape
from cds_hooks.inference.model_files.gguf import Header, Tensor

__all__ = ["Weights", "layers_on_gpus", "weights_of", "weights_of_size"]

_LAYER = re.compile(r"blk\.(\d+)\.")
_INPUT = ("token_embd", "per_layer_token_embd", "position_embd", "token_types")
_EMBEDDING = "token_embd.weight"
# Types as GGUF numbers them, that are repacked on a processor with a feature, in rows of 8.
_REPACKED = {
    "avx2": {2, 12, 20, 39},  # Q4_0, Q4_K, IQ4_NL, MXFP4
    "avx512f": {10},  # Q2_K
    "asimddp": {2, 8, 12, 13, 14, 20, 39},  # and Q8_0, Q5_K, Q6_K
}
_ROWS = 8
# Of a quantisation by 4 bits so much is Q4_K or the like: 77 % of a layer's bytes in Q4_K_M, where
# half of two tensors is Q6_K. For models that nobody has a file of; ours.
_SHARE_OF_FOUR_BITS = 0.77


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes that are mapped from the file, those that are repacked into memory, those on GPUs."""

    mapped: int
    repacked: int = 0
    gpu: int = 0


def layers_on_gpus(placement: Placement, layers: int) -> int:
    """How many are on GPUs, the last first; one more than there are is the output layer."""
    wanted = placement.gpu_layers
    return layers + 1 if wanted < 0 else min(wanted, layers + 1)


def weights_of(header: Header, sizes: Sizes) -> Weights:
    """Of a file, tensor by tensor."""
    layers = header.of_architecture("block_count")
    first = layers + 1 - layers_on_gpus(sizes.placement, layers)
    kinds = _kinds(sizes)
    on_gpu = [t for t in header.tensors if _number(t, layers) >= first]
    kept = [t for t in header.tensors if _number(t, layers) < first]
    repacked = [t for t in kept if _is_repacked(t, kinds)]
    gpu, packed = _sum(on_gpu), _sum(repacked)
    if tied := _tied(header):  # the output has a copy of its own where it cannot share
        gpu += tied.size if layers >= first else 0
        packed += tied.size if layers < first and _fits(tied, kinds) else 0
    if header.number("split.count") > 1:  # each file has its own span, and offsets of its own
        return Weights(_sum(kept), packed, gpu)
    gone = {tensor.name for tensor in repacked}
    return Weights(_span([t for t in kept if t.name not in gone]), packed, gpu)


def weights_of_size(size: int, bits: float, shape: ModelShape, sizes: Sizes) -> Weights:
    """Of a model of which only the size in bytes at so many bits is known: about so much."""
    count = max(len(shape.layers), 1)
    embedding = int(shape.vocabulary * shape.width * bits / 8)
    on_gpus = min(layers_on_gpus(sizes.placement, count), count) / count
    layered = max(size - embedding, 0)
    packs = 4 <= bits < 5 and bool(_kinds(sizes))
    share = _SHARE_OF_FOUR_BITS if packs else 0.0
    gpu = int(layered * on_gpus)
    return Weights(size - gpu, int((layered - gpu) * share), gpu)


def _kinds(sizes: Sizes) -> frozenset[int]:
    """Types of tensors that are repacked on this processor; beside a GPU none are, so that it can
    compute with them (`make_cpu_buft_list`)."""
    if not sizes.repacks or sizes.placement.gpu_layers:
        return frozenset()
    return frozenset().union(*(_REPACKED.get(feature, ()) for feature in sizes.features))


def _number(tensor: Tensor, layers: int) -> int:
    """The layer of a tensor: -1 for the input, `layers` for the output."""
    if tensor.name.startswith(_INPUT):
        return -1
    found = _LAYER.match(tensor.name)
    return int(found.group(1)) if found else layers


def _is_repacked(tensor: Tensor, kinds: Collection[int]) -> bool:
    return not tensor.name.startswith(_INPUT) and _fits(tensor, kinds)


def _fits(tensor: Tensor, kinds: Collection[int]) -> bool:
    matrix = len(tensor.shape) >= 2
    return tensor.kind in kinds and matrix and tensor.shape[1] % _ROWS == 0


def _tied(header: Header) -> Tensor | None:
    """The embedding, where it is the output as well."""
    if any(tensor.name == "output.weight" for tensor in header.tensors):
        return None
    return next((t for t in header.tensors if t.name == _EMBEDDING), None)


def _sum(tensors: Collection[Tensor]) -> int:
    return sum(tensor.size for tensor in tensors)


def _span(tensors: Collection[Tensor]) -> int:
    """From the first to the last of them: only the ends of a mapping are given back."""
    ends = [tensor.offset + tensor.size for tensor in tensors]
    return max(ends, default=0) - min((tensor.offset for tensor in tensors), default=0)
