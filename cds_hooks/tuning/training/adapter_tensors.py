"""Names and layouts of LoRA halves in a GGUF adapter, by architecture.

Source: `convert_lora_to_gguf.py` and `conversion/llama.py` (`LlamaModel.permute`) of llama.cpp. In
files of the architecture `llama` the rows of q and k lie in another order than in transformers
(pairs of the rotary embedding beside each other instead of half a head apart), and a LoRA half B
has the rows of its weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAYOUTS", "Layout", "Matrix", "gguf_name", "interleaved"]

Matrix = NDArray[np.float32]

_PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Whether the rows of q and k are interleaved in files of an architecture."""

    interleaves: bool


LAYOUTS: Mapping[str, Layout] = {
    "llama": Layout(interleaves=True),
    "qwen2": Layout(interleaves=False),
    "qwen3": Layout(interleaves=False),
}


def gguf_name(layer: int, module: str) -> str:
    """ "blk.3.attn_q.weight" of block 3 and "self_attn.q_proj". Raises KeyError."""
    return f"blk.{layer}.{_PARTS[module]}.weight"


def interleaved(rows: Matrix, heads: int) -> Matrix:
    """Rows (heads x head size, any) with each head's halves interleaved, as llama.cpp has q and k.

    Source: `LlamaModel.permute` of llama.cpp.
    """
    parts = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return np.ascontiguousarray(parts.swapaxes(1, 2).reshape(rows.shape))
