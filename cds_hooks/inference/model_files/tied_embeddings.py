"""Whether a file holds the embedding twice: as itself, and as the output layer in another format.

Many small models use one matrix for both. Some converters still write two tensors, often in two
formats, so that only the numbers tell: a few rows of both are read and compared. Layouts of the
blocks: `ggml-common.h` and `dequantize_row_*` of ggml.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.model_files.gguf import Header, Tensor

__all__ = ["same_weights"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_ROWS = 16
_ALIKE = 0.9  # measured of one matrix in Q4_K and in Q6_K: 0.996


def same_weights(header: Header, path: Path) -> bool:
    """Whether `output.weight` is `token_embd.weight` again.

    False where there is one of them, or a format that is not read here. Raises OSError.
    """
    tensors = {tensor.name: tensor for tensor in header.tensors}
    one, other = tensors.get("token_embd.weight"), tensors.get("output.weight")
    if one is None or other is None or header.parts or one.shape != other.shape:
        return False
    if len(one.shape) != 2 or not all(one.shape) or not {one.kind, other.kind} <= _READERS.keys():
        return False
    rows = np.unique(np.linspace(0, one.shape[1] - 1, _ROWS).astype(int))
    with np.errstate(all="ignore"):  # what is no number is alike to nothing
        alike = [_alike(*(_row(header, path, each, row) for each in (one, other))) for row in rows]
    return float(np.median(alike)) > _ALIKE


def _row(header: Header, path: Path, tensor: Tensor, row: int) -> Floats:
    """One row of a matrix as numbers: the weights of one token."""
    size = tensor.size // tensor.shape[1]
    with path.open("rb") as stream:
        stream.seek(header.data_start + tensor.offset + row * size)
        raw = np.frombuffer(stream.read(size), np.uint8)
    width, read = _READERS[tensor.kind]
    return read(raw.reshape(-1, width)).reshape(-1).astype(np.float32)


def _alike(one: Floats, other: Floats) -> float:
    """The cosine of two rows; 0 for a row of noughts or of what is no number."""
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / norm if np.isfinite(norm) and norm > 0 else 0.0


def _half(raw: Bytes) -> Floats:
    return raw.copy().view(np.float16).astype(np.float32)


def _nibbles(raw: Bytes) -> Bytes:
    return np.concatenate([raw & 15, raw >> 4], axis=-1)


def _fifth_bits(raw: Bytes) -> Bytes:
    """32 bits of a block, little-endian, one for each weight."""
    return np.unpackbits(raw, axis=-1, bitorder="little")


def _f32(raw: Bytes) -> Floats:
    return raw.copy().view(np.float32)


def _bf16(raw: Bytes) -> Floats:
    return (raw.copy().view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _q8_0(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * raw[:, 2:].copy().view(np.int8)


def _q4_0(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * (_nibbles(raw[:, 2:]).astype(np.float32) - 8)


def _q4_1(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * _nibbles(raw[:, 4:]) + _half(raw[:, 2:4])


def _q5_0(raw: Bytes) -> Floats:
    whole = _nibbles(raw[:, 6:]) | (_fifth_bits(raw[:, 2:6]) << 4)
    return _half(raw[:, :2]) * (whole.astype(np.float32) - 16)


def _q5_1(raw: Bytes) -> Floats:
    whole = _nibbles(raw[:, 8:]) | (_fifth_bits(raw[:, 4:8]) << 4)
    return _half(raw[:, :2]) * whole + _half(raw[:, 2:4])


def _k_scales(raw: Bytes) -> tuple[Floats, Floats]:
    """Scales and minima of the eight groups of a block, six bits each in twelve bytes."""
    low, high, last = raw[:, 0:4], raw[:, 4:8], raw[:, 8:12]
    scales = np.concatenate([low & 63, (last & 15) | ((low >> 6) << 4)], axis=1)
    minima = np.concatenate([high & 63, (last >> 4) | ((high >> 6) << 4)], axis=1)
    return scales.astype(np.float32), minima.astype(np.float32)


def _q4_k(raw: Bytes) -> Floats:
    scales, minima = _k_scales(raw[:, 4:16])
    packed = raw[:, 16:].reshape(-1, 4, 32)
    whole = np.stack([packed & 15, packed >> 4], axis=2).reshape(-1, 8, 32)
    return _in_groups(raw, scales, minima, whole)


def _q5_k(raw: Bytes) -> Floats:
    scales, minima = _k_scales(raw[:, 4:16])
    packed = raw[:, 48:].reshape(-1, 4, 32)
    low = np.stack([packed & 15, packed >> 4], axis=2).reshape(-1, 8, 32)
    fifth = (raw[:, 16:48, None] >> np.arange(8, dtype=np.uint8)) & 1
    return _in_groups(raw, scales, minima, low | (fifth.transpose(0, 2, 1) << 4))


def _in_groups(raw: Bytes, scales: Floats, minima: Floats, whole: Bytes) -> Floats:
    step, least = _half(raw[:, 0:2]) * scales, _half(raw[:, 2:4]) * minima
    return step[:, :, None] * whole - least[:, :, None]


def _q6_k(raw: Bytes) -> Floats:
    low, high = raw[:, :128].reshape(-1, 2, 2, 32), raw[:, 128:192].reshape(-1, 2, 1, 32)
    bits = np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)
    lows = np.concatenate([low & 15, low >> 4], axis=2)
    whole: Floats = (lows | (((high >> bits) & 3) << 4)).astype(np.float32) - 32
    scales: Floats = _half(raw[:, 208:210]) * raw[:, 192:208].copy().view(np.int8)
    return scales[:, :, None] * whole.reshape(-1, 16, 16)


# ggml type -> (bytes a block, how it is read).
_READERS: dict[int, tuple[int, Callable[[Bytes], Floats]]] = {
    0: (4, _f32), 1: (2, _half), 2: (18, _q4_0), 3: (20, _q4_1), 6: (22, _q5_0), 7: (24, _q5_1),
    8: (34, _q8_0), 12: (144, _q4_k), 13: (176, _q5_k), 14: (210, _q6_k), 30: (2, _bf16),
}  # fmt: skip
