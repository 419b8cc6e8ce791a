"""The GPUs that llama.cpp would put layers on, and their free memory."""

from __future__ import annotations

from cds_hooks.inference.memory.gpu_memory import GpuMemory
from cds_hooks.inference.worker.bindings.ggml_devices import devices

__all__ = ["gpus"]


def gpus() -> tuple[GpuMemory, ...]:
    """Cards with memory of their own, else the first within the processor, as llama.cpp chooses.

    Empty where the library has none, or does not tell. Source: `llama_prepare_model_devices` in
    `src/llama.cpp`.
    """
    try:
        found = devices()
    except AttributeError:
        return ()
    cards = tuple(GpuMemory(each.name, each.free) for each in found if each.kind == "gpu")
    inside = (GpuMemory(each.name, each.free) for each in found if each.kind == "integrated-gpu")
    return cards or tuple(inside)[:1]
