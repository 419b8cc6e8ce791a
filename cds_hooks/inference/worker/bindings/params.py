"""What llama.cpp is told for a model and for a context.

Source: `include/llama.h` of llama.cpp.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp as lib

from cds_hooks.inference.memory.context_size import ContextSize, KvType, Placement, SplitMode

__all__ = ["context_params", "model_params"]

_SPLIT_MODES = {
    SplitMode.NONE: lib.LLAMA_SPLIT_MODE_NONE,
    SplitMode.LAYER: lib.LLAMA_SPLIT_MODE_LAYER,
    SplitMode.ROW: lib.LLAMA_SPLIT_MODE_ROW,
}
_KV_TYPES = {KvType.F16: lib.GGML_TYPE_F16, KvType.Q8_0: lib.GGML_TYPE_Q8_0}


def model_params(placement: Placement, *, extra_buffers: bool) -> Any:
    """`llama_model_params`: where layers are, and whether weights may be repacked."""
    params = lib.llama_model_default_params()
    params.n_gpu_layers = placement.gpu_layers
    params.split_mode = _SPLIT_MODES[placement.split_mode]
    params.main_gpu = placement.main_gpu
    params.use_extra_bufts = extra_buffers
    if placement.tensor_split:
        params.tensor_split = _shares(placement.tensor_split)
    return params


def context_params(size: ContextSize) -> Any:
    """`llama_context_params`: a unified cache, and logits for no more rows than are asked for."""
    params = lib.llama_context_default_params()
    params.n_ctx = size.cells
    params.n_batch = size.batch
    params.n_ubatch = size.computed
    params.n_seq_max = size.native_sequences
    params.n_outputs_max = size.outputs
    params.n_threads, params.n_threads_batch = size.threads, size.threads_of_prompts
    params.type_k = params.type_v = _KV_TYPES[size.kv_type]
    if not size.flash:
        params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.kv_unified = True
    params.swa_full = not size.windowed
    params.no_perf = True
    return params


def _shares(tensor_split: Sequence[float]) -> Any:
    """One share for each device that llama.cpp can have; those beyond are left out."""
    devices = int(lib.llama_max_devices())
    return (ctypes.c_float * devices)(*tensor_split[:devices])
