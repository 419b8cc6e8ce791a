"""What ggml computes with, beside the processor: the devices of the loaded library.

Source: ggml's `include/ggml-backend.h` (`ggml_backend_dev_*`, `enum ggml_backend_dev_type`), which
llama-cpp-python does not bind. The functions are found through libllama, which needs them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import llama_cpp as lib

__all__ = ["Device", "backends", "devices", "gpu_facts"]

_KINDS = {1: "gpu", 2: "integrated-gpu", 3: "accelerator"}  # 0 is the processor
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Device:
    """`name` is ggml's (CUDA0), `description` the driver's; memory in bytes, `free` as of now."""

    name: str
    description: str
    kind: str
    free: int
    total: int

    @property
    def line(self) -> str:
        """The same for a person, without what changes."""
        return f"{self.name} {self.description}, {self.total // _MEBIBYTE} MiB"


def backends() -> list[str]:
    """The backends of the library by name: CPU, CUDA, Vulkan. Empty for one that loads them later.

    Raises AttributeError for a library that does not tell.
    """
    registered = _function("ggml_backend_reg_get", ctypes.c_void_p, ctypes.c_size_t)
    name = _function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    count = _function("ggml_backend_reg_count", ctypes.c_size_t)()
    return [_words(name(registered(number))) for number in range(count)]


def devices() -> list[Device]:
    """The devices beside the processor, in ggml's order: layers are split over them so.

    Raises AttributeError for a library that does not tell.
    """
    return list(_devices())


def _devices() -> Iterator[Device]:
    get = _function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    kind = _function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
    name = _function("ggml_backend_dev_name", ctypes.c_char_p, ctypes.c_void_p)
    described = _function("ggml_backend_dev_description", ctypes.c_char_p, ctypes.c_void_p)
    size = ctypes.POINTER(ctypes.c_size_t)
    memory = _function("ggml_backend_dev_memory", None, ctypes.c_void_p, size, size)
    for number in range(_function("ggml_backend_dev_count", ctypes.c_size_t)()):
        device = get(number)
        if (what := _KINDS.get(kind(device))) is None:
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        memory(device, ctypes.byref(free), ctypes.byref(total))
        yield Device(_words(name(device)), _words(described(device)), what, free.value, total.value)


def gpu_facts() -> dict[str, str]:
    """For the service: `backends`, `devices`, and `gpu`: whether layers can be computed on one
    (`yes`, `no-backend` where the build has none for a GPU, `no-device` where it finds no GPU)."""
    try:
        built, found = backends(), devices()
    except AttributeError:
        return {"gpu": "yes" if lib.llama_supports_gpu_offload() else "no-device"}
    gpu = "yes" if lib.llama_supports_gpu_offload() else "no-device"
    if gpu != "yes" and set(built) <= {"CPU", "BLAS"}:
        gpu = "no-backend"
    listed = {"devices": "; ".join(each.line for each in found)} if found else {}
    return {"backends": " ".join(built), "gpu": gpu, **listed}


def _function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of libllama or of a library that it needs (dlsym looks there too)."""
    function = getattr(lib.llama_cpp._lib, name)
    function.restype, function.argtypes = result, arguments
    return function


def _words(text: bytes | None) -> str:
    """A driver's text on one line of printable characters."""
    told = (text or b"").decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in told).split())[:120]
