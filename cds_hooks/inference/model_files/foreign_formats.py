"""Recognises files that are not GGUF: the usual mistakes, each with a code and what to do.

Sources: the layouts of safetensors, of PyTorch's zip checkpoints and of Git LFS's pointers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["ForeignFormat", "foreign_format"]

_CONVERT = "Convert the model with llama.cpp's convert_hf_to_gguf.py, or fetch its GGUF file."
_FETCH = "Fetch the file again and compare its SHA-256 with the publisher's."
_LFS = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype", b"<html", b"<head")
_OLD = (b"lmgg", b"fmgg", b"tjgg", b"algg")


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """A format that is no GGUF: the stable code, what it is, and what to do."""

    code: str
    says: str
    hint: str


def foreign_format(head: bytes) -> ForeignFormat:
    """What a file's first bytes (64 are enough) say that it is."""
    if head.startswith(_LFS):
        says = "The file is a pointer of Git LFS and not the model itself"
        return ForeignFormat("model-is-pointer", says, "Fetch the content with `git lfs pull`.")
    if head.lstrip()[:16].lower().startswith(_PAGES):
        says = "The file is a web page: the download was answered with something else"
        return ForeignFormat("model-is-web-page", says, _FETCH)
    if _safetensors(head):
        return ForeignFormat("model-is-safetensors", "The file is in safetensors format", _CONVERT)
    if head.startswith(b"PK\3\4"):
        return ForeignFormat(
            "model-is-checkpoint", "The file is a zip, as PyTorch writes it", _CONVERT
        )
    if head[:4] in _OLD:
        says = "The file is in a format that llama.cpp gave up in 2023"
        return ForeignFormat("model-is-old-ggml", says, "Fetch the model's GGUF file.")
    return ForeignFormat("model-not-gguf", "The file does not begin with GGUF's magic", _FETCH)


def _safetensors(head: bytes) -> bool:
    """A length of eight bytes, then a JSON object of that length."""
    if len(head) < 10:
        return False
    (length,) = struct.unpack("<Q", head[:8])
    return 2 <= length <= 1 << 30 and head[8:9] == b"{" and head[9:10] in b'"} '
