"""The refusal of a library that cannot be used, before any of it is imported."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

__all__ = ["UNUSABLE", "hint", "unusable"]

UNUSABLE = "engine-library-unusable"
# A symbol, a shared object or a version, and nothing else that an error's text may hold.
_NAMED = re.compile(r"undefined symbol: \w+|lib[\w.-]+\.so[\w.]*|\b(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+")


def unusable(error: Exception) -> dict[str, Any]:
    """The frame that says that llama.cpp's library cannot be loaded: why, and what is missing.

    The code is one for all, as what follows is the same; the reason is stable too.
    """
    said = f"{type(error).__name__}: {error}"
    fault = next(each for each in _faults() if re.search(each["pattern"], said))
    named = ", ".join(dict.fromkeys(_NAMED.findall(str(error))))
    reason = f"{fault['reason']}: {named}" if named else fault["reason"]
    message = f"The library of llama.cpp cannot be used ({reason}): {fault['message']}"
    return {
        "op": "state",
        "status": "failed",
        "code": UNUSABLE,
        "message": message,
        "hint": " ".join(filter(None, [fault.get("hint", ""), hint()])),
    }


def hint() -> str:
    """What to do about it, by where the library lies."""
    if "LLAMA_CPP_LIB_PATH" in os.environ:
        return (
            "The folder in LLAMA_CPP_LIB_PATH or model.portable_library must hold the libllama "
            "that this llama-cpp-python was made for (docs/operators/gpu.md)."
        )
    return "Run `make setup`, which installs it again."


def _faults() -> list[dict[str, str]]:
    """Read when it is needed: an engine that starts well does not wait for it."""
    text = Path(__file__).with_name("unusable_library.toml").read_text("utf-8")
    faults: list[dict[str, str]] = tomllib.loads(text)["faults"]
    return faults
