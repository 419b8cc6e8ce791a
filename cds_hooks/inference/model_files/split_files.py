"""Models in several files: `NAME-00001-of-00003.gguf` and so on, as `llama-gguf-split` writes them.

Every part is read and checked before native code sees the first. The whole file's digest is not
known, so the model's is the SHA-256 of the parts' digests in hex, in order, each with a newline:

    sha256sum NAME-*-of-*.gguf | cut -c -64 | sha256sum

Source: `llama_split_path` and the loader of llama.cpp (`src/llama-model-loader.cpp`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cds_hooks.inference.model_files.gguf import Header, ModelFileError, read_header

__all__ = ["digest_of", "engine_path", "first_part", "named_parts", "read_model"]

_NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_MOST = 999
_FETCH = "Put all parts of one model into one folder, under the names that their publisher gives."


def named_parts(path: Path) -> tuple[Path, ...]:
    """All parts of which `path` is one, by its name alone; only itself for any other name."""
    found = _NAME.fullmatch(path.name)
    if found is None or not 1 <= int(found["number"]) <= int(found["count"]) <= _MOST:
        return (path,)
    count = int(found["count"])
    names = (f"{found['stem']}-{n:05}-of-{count:05}.gguf" for n in range(1, count + 1))
    return tuple(path.with_name(name) for name in names)


def first_part(path: Path) -> Path:
    """Where the model begins: llama.cpp wants that part, and the metadata stand there."""
    first = named_parts(path)[0]
    return first if first == path or _there(first) or not _there(path) else path


def engine_path(path: Path) -> Path:
    """The absolute path that llama.cpp is given. A part keeps its name, by which the others are
    found: a cache may hold them as links to files that are named otherwise."""
    first = first_part(path)
    return first.parent.resolve() / first.name if named_parts(first)[1:] else first.resolve()


def digest_of(parts: Sequence[str]) -> str:
    """A model's digest from those of its files: of one the same, of several see above."""
    if len(parts) == 1:
        return parts[0]
    return hashlib.sha256("".join(f"{part}\n" for part in parts).encode()).hexdigest()


def read_model(path: Path) -> Header:
    """The header of a model in one file or in several, of which `path` may be any.

    Of several the tensors and sizes are those of all parts, and `parts` says which they are.
    Raises ModelFileError as `read_header` does, and model-part-missing, model-part-misnamed,
    model-part-foreign.
    """
    first = first_part(path)
    header = read_header(first)
    count = header.number("split.count")
    if count <= 1:
        return header
    parts = named_parts(first)
    if len(parts) != count:
        raise _misnamed(first, count)
    _refuse_missing(parts)
    if header.number("split.no") != 0:
        raise _misnamed(first, count)
    return _joined(header, parts)


def _refuse_missing(parts: Sequence[Path]) -> None:
    missing = [part.name for part in parts if not _there(part)]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        says = f"{len(missing)} of the model's {len(parts)} files "
        says += "are missing" if missing[1:] else "is missing"
        raise ModelFileError(
            "model-part-missing", says,
            where=f"{missing[0]}{more}", hint=_FETCH,
        )  # fmt: skip


def _there(path: Path) -> bool:
    """Whether there is such a file; one that nobody may look for is told when it is read."""
    try:
        return path.exists()
    except OSError:
        return True


def _joined(first: Header, parts: Sequence[Path]) -> Header:
    headers = [first, *(read_header(part) for part in parts[1:])]
    for number, (header, part) in enumerate(zip(headers, parts, strict=True)):
        if _place(header) != (number, *_place(first)[1:]):
            raise _foreign(part, "its number, or the model's parts or tensors, are others")
    _refuse_other_tensors(headers, parts)
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    size = sum(header.file_size for header in headers)
    return replace(first, tensors=tensors, file_size=size, parts=tuple(parts))


def _place(header: Header) -> tuple[int, int, int]:
    """A part's own number from 0, how many parts there are, and the tensors of all of them."""
    keys = ("split.no", "split.count", "split.tensors.count")
    number, count, tensors = (header.number(key, -1) for key in keys)
    return number, count, tensors


def _refuse_other_tensors(headers: Sequence[Header], parts: Sequence[Path]) -> None:
    """A part of another model is known by tensors that are there already, or are too many."""
    seen: set[str] = set()
    for header, part in zip(headers, parts, strict=True):
        names = {tensor.name for tensor in header.tensors}
        if names & seen or len(names) < len(header.tensors):
            raise _foreign(part, "it brings tensors that are there already")
        seen |= names
    if len(seen) != headers[0].number("split.tensors.count", -1):
        raise _foreign(parts[0], f"the parts hold {len(seen)} tensors, which is another number")


def _foreign(part: Path, why: str) -> ModelFileError:
    message = f"A part does not belong to the others: {why}"
    return ModelFileError("model-part-foreign", message, where=part.name, hint=_FETCH)


def _misnamed(path: Path, count: int) -> ModelFileError:
    return ModelFileError(
        "model-part-misnamed",
        f"The file is one of {count} parts, which llama.cpp finds by their names alone",
        where=path.name,
        hint=f"Name the parts NAME-00001-of-{count:05}.gguf and so on, or merge them with "
        "llama-gguf-split --merge.",
    )
