"""In which format a model's weights are stored, and how many there are.

Sources: `enum llama_ftype` of llama.cpp's `include/llama.h` for files, `GGMLQuantizationType` of
gguf-py for tensors.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from cds_hooks.inference.model_files.gguf import Header

__all__ = ["file_type", "mix", "parameters"]

_GUESSED = 1024  # a bit: the converter did not know, and took the type of most tensors
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M",
    30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
    40: "Q1_0", 41: "Q2_0",
}  # fmt: skip
_TENSOR_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S",
    23: "IQ4_XS", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
    41: "Q1_0", 42: "Q2_0",
}  # fmt: skip


def file_type(header: Header) -> str:
    """What the file says that its format is; of one that says nothing, that of most bytes."""
    kind = header.number("general.file_type", -1)
    if kind < 0:
        return next(iter(mix(header)), "")
    kind &= ~_GUESSED
    return _FILE_TYPES.get(kind, f"file type {kind}")


def mix(header: Header) -> Mapping[str, float]:
    """The share of the weights' bytes by the type of their tensors, the largest first."""
    sizes: Counter[int] = Counter()
    for tensor in header.tensors:
        sizes[tensor.kind] += tensor.size
    whole = sum(sizes.values())
    named = ((_TENSOR_TYPES.get(kind, f"type {kind}"), size) for kind, size in sizes.most_common())
    return {name: size / whole for name, size in named if size}


def parameters(header: Header, *, tied: bool = False) -> int:
    """Weights of the model, each once.

    `tied`: the output layer holds the weights of the embedding (`tied.same_weights`), so they are
    one. Tables that llama.cpp computes with and nobody trained (`rope_freqs`) are not counted.
    """
    return sum(
        math.prod(tensor.shape)
        for tensor in header.tensors
        if not tensor.name.startswith("rope_") and not (tied and tensor.name == "output.weight")
    )
