"""The refusal of a library that cannot be used, before any of it is imported."""

from __future__ import annotations

import os
import re
from typing import Any

__all__ = ["UNUSABLE", "hint", "unusable"]

UNUSABLE = "engine-library-unusable"
# A symbol, a shared object or a version, and nothing else that an error's text may hold.
_NAMED = re.compile(r"undefined symbol: \w+|lib[\w.-]+\.so[\w.]*|\b(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+")


def unusable(error: Exception) -> dict[str, Any]:
    """The frame that says that llama.cpp's library cannot be loaded, naming what is missing."""
    found = ", ".join(dict.fromkeys(_NAMED.findall(str(error))))
    told = f"{type(error).__name__}: {found}" if found else type(error).__name__
    message = f"The library of llama.cpp cannot be used ({told})"
    return {
        "op": "state",
        "status": "failed",
        "code": UNUSABLE,
        "message": message,
        "hint": hint(),
    }


def hint() -> str:
    """What to do about it, by where the library lies."""
    if "LLAMA_CPP_LIB_PATH" in os.environ:
        return (
            "The folder in LLAMA_CPP_LIB_PATH or model.portable_library must hold the libllama "
            "that this llama-cpp-python was made for."
        )
    return "Run `make setup`, which installs it again."
