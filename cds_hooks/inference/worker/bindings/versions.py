"""Whether a library that was built elsewhere is of the versions that llama-cpp-python was made for.

Structures that its functions take have no version of their own: with another layout they are read
wrongly, and nothing says so. llama.cpp and ggml each tell a version (`llama_version` of
`include/llama.h`, `ggml_version` of ggml's `include/ggml.h`), and the library that came with
llama-cpp-python has it in its file's name.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import llama_cpp as lib

__all__ = ["difference", "installed_with", "told_by"]

_FILES = {"llama": "libllama", "ggml": "libggml-base"}
_NUMBER = re.compile(r"\d+\.\d+\.\d+")


def difference() -> str:
    """How the loaded library differs from the installed package's, in words; empty if it does not.

    What one of them does not tell is not compared.
    """
    wanted = installed_with(Path(lib.__file__).parent / "lib")
    different = [
        f"{name} {version} instead of {wanted[name]}"
        for name, version in told_by(lib.llama_cpp._lib).items()
        if wanted.get(name, version) != version
    ]
    return ", ".join(different)


def installed_with(folder: Path) -> dict[str, str]:
    """The versions in the names of a folder's libraries: `libllama.so.0.5.0`."""
    found = {}
    for name, stem in _FILES.items():
        numbers = (_NUMBER.search(path.name) for path in folder.glob(f"{stem}.*"))
        if number := next(filter(None, numbers), None):
            found[name] = number[0]
    return found


def told_by(library: ctypes.CDLL) -> dict[str, str]:
    """The versions that a library tells of itself and of the ggml that it needs."""
    found = {}
    for name in _FILES:
        function = getattr(library, f"{name}_version", None)
        if function is None:
            continue
        function.restype = ctypes.c_char_p
        if number := _NUMBER.search((function() or b"").decode("utf-8", "replace")):
            found[name] = number[0]
    return found
