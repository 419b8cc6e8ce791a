"""The GPUs that the loaded library sees, and their free memory.

Source of the functions: `ggml/include/ggml-backend.h` of llama.cpp.
"""

from __future__ import annotations

import ctypes
from typing import Any

from llama_cpp import llama_cpp

from cds_hooks.inference.memory import Device

__all__ = ["gpus"]

_GPU, _IGPU = 1, 2  # enum ggml_backend_dev_type


def gpus() -> tuple[Device, ...]:
    """Cards with memory of their own, else graphics within the processor, as llama.cpp chooses.

    Empty where the library was built without any, or does not have these functions.
    """
    library = llama_cpp._lib
    try:
        count = int(_function(library, "ggml_backend_dev_count", ctypes.c_size_t)())
        found = [_device(library, number) for number in range(count)]
    except AttributeError:
        return ()
    cards = tuple(device for kind, device in found if kind == _GPU)
    return cards or tuple(device for kind, device in found if kind == _IGPU)[:1]


def _device(library: Any, number: int) -> tuple[int, Device]:
    handle = _function(library, "ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)(number)
    kind = _function(library, "ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)(handle)
    name = _function(library, "ggml_backend_dev_name", ctypes.c_char_p, ctypes.c_void_p)(handle)
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    size = ctypes.POINTER(ctypes.c_size_t)
    _function(library, "ggml_backend_dev_memory", None, ctypes.c_void_p, size, size)(
        handle, ctypes.byref(free), ctypes.byref(total)
    )
    return int(kind), Device(name.decode("utf-8", "replace"), free.value)


def _function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Raises AttributeError when the library has no such function."""
    function = getattr(library, name)
    function.restype, function.argtypes = result, list(arguments)
    return function
