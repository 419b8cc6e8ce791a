"""A GGUF file's header read as untrusted bytes, without native code and without its tensors.

Source of the layout: `docs/gguf.md` of ggml-org/ggml, versions 2 and 3, little-endian. Every count
and length is bounded before anything is allocated for it.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cds_hooks.errors import ChartsideError
from cds_hooks.inference.model_files.foreign_formats import foreign_format

__all__ = [
    "Header",
    "LongArray",
    "ModelFileError",
    "Tensor",
    "check_digest",
    "read_header",
    "sha256_of",
]

_MAX_ENTRIES = 4_096
_MAX_TENSORS = 65_536
_MAX_KEY = 1_024
_MAX_STRING = 4 * 1024 * 1024
_MAX_ITEMS = 4_000_000
_KEPT_ITEMS = 1_024
_MAX_TENSOR_BYTES = 1 << 44
_MAX_ALIGNMENT = 1 << 16
_CHUNK = 1 << 23  # after each the thread waits for its turn among those that import

# Value types: 8 is a string, 9 an array; the others are scalars of a struct format.
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip

# ggml type -> (elements a block, bytes a block). Source: `GGML_QUANT_SIZES` of gguf-py.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36),
    41: (128, 18), 42: (64, 18),
}  # fmt: skip


class ModelFileError(ChartsideError):
    """A model file that is not loaded; `code` is set per instance and `where` is the file."""

    status = 503

    def __init__(self, code: str, message: str, *, where: str, hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array of the metadata that was walked over and not kept."""

    kind: int
    length: int


Value = int | float | bool | str | LongArray | tuple[int | float | bool | str, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's place: `offset` from the start of the tensor data, `size` in bytes."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself; `file_size` is what the file system says.

    Of a model in several files (`splits.read_model`) `tensors` and `file_size` are of all of them,
    `parts` are their paths, and each tensor's offset is in its own file.
    """

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    data_start: int
    file_size: int
    parts: tuple[Path, ...] = ()

    @property
    def architecture(self) -> str:
        """`general.architecture`, or empty."""
        return self.text("general.architecture")

    @property
    def chat_template(self) -> str:
        """The Jinja template that the file brings, untrusted, or empty."""
        return self.text("tokenizer.chat_template")

    @property
    def windows(self) -> bool:
        """Whether some layers see a sliding window of the text."""
        return self.of_architecture("attention.sliding_window") > 0

    def text(self, key: str) -> str:
        """A string of the metadata, or empty."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int = 0) -> int:
        """An integer of the metadata (the largest of an array of them), or `default`."""
        value = self.metadata.get(key)
        values = value if isinstance(value, tuple) else (value,)
        whole = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
        return max(whole, default=default)

    def of_architecture(self, key: str, default: int = 0) -> int:
        """An integer under the architecture's own prefix, such as `block_count`."""
        return self.number(f"{self.architecture}.{key}", default)


def read_header(path: Path) -> Header:
    """The header of a model file.

    Raises ModelFileError: model-missing, model-is-folder, model-unreadable, model-not-gguf (and
    the codes of `foreign_formats.py`), model-truncated, model-malformed.
    """
    try:
        with path.open("rb") as stream:
            return _Reader(stream, path).header()
    except FileNotFoundError:
        raise ModelFileError(
            "model-missing", "The model file does not exist", where=path.name,
            hint="Put the file there or correct the model's path in the settings.",
        ) from None  # fmt: skip
    except IsADirectoryError:
        raise ModelFileError(
            "model-is-folder", "The path is a folder, not a model file", where=path.name,
            hint=f"Name one of its GGUF files: {_listed(path)}.",
        ) from None  # fmt: skip
    except OSError as error:
        raise ModelFileError(
            "model-unreadable", f"The model file cannot be read ({error.strerror})",
            where=path.name, hint="Let the service's user read the file and enter its folders.",
        ) from None  # fmt: skip


def _listed(folder: Path) -> str:
    try:
        names = sorted(path.name for path in folder.glob("*.gguf"))
    except OSError:
        names = []
    return ", ".join(names[:3]) or "there is none; convert the model (convert_hf_to_gguf.py)"


def sha256_of(path: Path, told: Callable[[int], object] | None = None) -> str:
    """The file's SHA-256 in hex; `told` hears how many bytes came each time. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            if told is not None:
                told(len(chunk))
    return digest.hexdigest()


def check_digest(path: Path, expected: str, found: str = "") -> str:
    """The file's SHA-256 in hex. Raises ModelFileError model-digest-mismatch when not `expected`.

    An empty `expected` only measures; `found` is the digest where it was measured before.
    """
    found = found or sha256_of(path)
    if expected and found != expected.lower():
        raise ModelFileError(
            "model-digest-mismatch", "The model file is not the one that was expected",
            where=path.name,
            hint="Correct the SHA-256 of the settings or the catalogue, or fetch the file again.",
        )  # fmt: skip
    return found


class _Reader:
    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._size = stream.seek(0, 2)
        stream.seek(0)

    def header(self) -> Header:
        if (head := self._stream.read(64))[:4] != b"GGUF":
            other = foreign_format(head)
            raise ModelFileError(other.code, other.says, where=self._path.name, hint=other.hint)
        self._stream.seek(4)
        version = self._scalar("I")
        if version not in (2, 3):
            raise self._error("model-not-gguf", "The GGUF version is not 2 or 3")
        tensors, entries = self._count(_MAX_TENSORS, "Q"), self._count(_MAX_ENTRIES, "Q")
        metadata = dict(self._entry() for _ in range(entries))
        places = tuple(self._tensor() for _ in range(tensors))
        header = Header(int(version), metadata, places, self._data_start(metadata), self._size)
        end = max((header.data_start + t.offset + t.size for t in places), default=0)
        if end > self._size:
            raise self._error("model-truncated", "The file ends before its last tensor")
        return header

    def _entry(self) -> tuple[str, Value]:
        key = self._string(_MAX_KEY)
        return key, self._value(int(self._scalar("I")))

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string(_MAX_STRING)
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise self._error("model-malformed", "A metadata value has an unknown type")
        return self._scalar(_SCALARS[kind])

    def _array(self) -> Value:
        kind, length = int(self._scalar("I")), self._count(_MAX_ITEMS, "Q")
        if kind != _STRING and kind not in _SCALARS:
            raise self._error("model-malformed", "An array holds an unknown type")
        if length <= _KEPT_ITEMS:
            items = (self._value(kind) for _ in range(length))
            return tuple(item for item in items if isinstance(item, int | float | str))
        self._skip(kind, length)
        return LongArray(kind, length)

    def _skip(self, kind: int, length: int) -> None:
        if kind != _STRING:
            self._forward(length * struct.calcsize(_SCALARS[kind]))
            return
        read, seek, from_bytes = self._stream.read, self._stream.seek, int.from_bytes
        for _ in range(length):  # a vocabulary has some 10^5 of them: no call more than needed
            size = from_bytes(read(8), "little")
            if size > _MAX_STRING:
                raise self._error("model-malformed", "A count or length is impossible")
            seek(size, 1)
        self._forward(0)

    def _tensor(self) -> Tensor:
        name = self._string(_MAX_KEY)
        shape = tuple(int(self._scalar("Q")) for _ in range(self._count(4, "I")))
        kind, offset = int(self._scalar("I")), int(self._scalar("Q"))
        if kind not in _BLOCKS:
            raise self._error("model-malformed", "A tensor has an unknown type")
        per_block, bytes_a_block = _BLOCKS[kind]
        size = math.prod(shape) // per_block * bytes_a_block
        if max(size, offset) > _MAX_TENSOR_BYTES or (shape and shape[0] % per_block):
            raise self._error("model-malformed", "A tensor has an impossible size")
        return Tensor(name, shape, kind, offset, size)

    def _data_start(self, metadata: Mapping[str, Value]) -> int:
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= _MAX_ALIGNMENT:
            raise self._error("model-malformed", "The alignment is impossible")
        return -(-self._stream.tell() // alignment) * alignment

    def _scalar(self, code: str) -> int | float | bool:
        data = self._bytes(struct.calcsize(f"<{code}"))
        value: int | float | bool = struct.unpack(f"<{code}", data)[0]
        return value

    def _string(self, limit: int) -> str:
        return self._bytes(self._count(limit, "Q")).decode("utf-8", "replace")

    def _count(self, limit: int, code: str) -> int:
        count = int(self._scalar(code))
        if count > limit:
            raise self._error("model-malformed", "A count or length is impossible")
        return count

    def _bytes(self, length: int) -> bytes:
        data = self._stream.read(length)
        if len(data) < length:
            raise self._error("model-truncated", "The file ends inside its header")
        return data

    def _forward(self, length: int) -> None:
        if self._stream.seek(length, 1) > self._size:
            raise self._error("model-truncated", "The file ends inside its header")

    def _error(self, code: str, message: str) -> ModelFileError:
        hint = "Fetch the file again and compare its SHA-256 with the catalogue."
        return ModelFileError(code, message, where=self._path.name, hint=hint)
