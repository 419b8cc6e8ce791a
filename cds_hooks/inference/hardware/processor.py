"""Which of the processor's features matter to llama.cpp: what a crash report has to name."""

from __future__ import annotations

from pathlib import Path

__all__ = ["features", "processor_name", "this_processor"]

_CPUINFO = Path("/proc/cpuinfo")
# What ggml has code of its own for, the widest first. Source: `ggml/src/ggml-cpu/CMakeLists.txt`
# of llama.cpp; spelt as Linux does on x86 (`flags`) and on ARM (`Features`).
_TELLING = (
    "amx_tile", "amx_int8", "amx_bf16", "avx512f", "avx512bw", "avx512vbmi", "avx512_vnni",
    "avx512_bf16", "avx_vnni", "avx2", "avx", "fma", "f16c", "bmi2", "sse4_2",
    "sme", "sve", "sve2", "i8mm", "bf16", "asimddp", "asimdhp", "asimd",
)  # fmt: skip


def features(cpuinfo: str) -> tuple[str, ...]:
    """The telling features in a text like Linux's `/proc/cpuinfo`, the widest first."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            has = set(value.split())
            return tuple(name for name in _TELLING if name in has)
    return ()


def this_processor(path: Path = _CPUINFO) -> tuple[str, ...]:
    """The same of this machine; empty where it does not tell."""
    try:
        return features(path.read_text("ascii", "replace"))
    except OSError:
        return ()


def processor_name(path: Path = _CPUINFO) -> str:
    """The processor's name, as Linux tells it on x86 (`model name`) or by its parts on ARM."""
    try:
        lines = path.read_text("ascii", "replace").splitlines()
    except OSError:
        return ""
    keys = ("model name", "CPU implementer", "CPU part")
    told = (line.partition(":") for line in lines)
    return " ".join(dict.fromkeys(value.strip() for key, _, value in told if key.strip() in keys))
