"""What one `llama_decode` evaluates: tokens of any sequences, filled and reused every step."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

__all__ = ["LlamaBatch"]


class LlamaBatch:
    """A `llama_batch` over numpy arrays, one sequence a token, filled and reused every step."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._token = np.zeros(capacity, np.int32)
        self._pos = np.zeros(capacity, np.int32)
        self._count = np.ones(capacity, np.int32)
        self._seq = np.zeros(capacity, np.int32)
        self._want = np.zeros(capacity, np.int8)
        base = self._seq.ctypes.data
        self._seq_rows = (base + 4 * np.arange(capacity + 1)).astype(np.uintp)
        self._seq_rows[capacity] = 0
        self._native = self._structure()

    @property
    def free(self) -> int:
        """Tokens that still fit."""
        return self.capacity - self.used

    def clear(self) -> None:
        """Start an empty batch."""
        self.used = 0

    def add(self, tokens: Sequence[int], *, seq: int, pos: int, want_last: bool) -> int:
        """Append tokens of one sequence from position `pos`; returns the last one's row."""
        start, end = self.used, self.used + len(tokens)
        self._token[start:end] = tokens
        self._pos[start:end] = np.arange(pos, pos + len(tokens))
        self._seq[start:end] = seq
        self._want[start:end] = 0
        self._want[end - 1] = want_last
        self.used = end
        return end - 1

    def native(self) -> Any:
        """The structure that `llama_decode` takes; valid while this object lives unchanged."""
        self._native.n_tokens = self.used
        return self._native

    def _structure(self) -> Any:
        """Made once: the arrays stay where they are."""

        def pointer(array: NDArray[Any], kind: Any) -> Any:
            return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))

        return lib.llama_batch(
            n_tokens=0,
            token=pointer(self._token, lib.llama_token),
            embd=None,
            pos=pointer(self._pos, lib.llama_pos),
            n_seq_id=pointer(self._count, ctypes.c_int32),
            seq_id=pointer(self._seq_rows, ctypes.POINTER(lib.llama_seq_id)),
            logits=pointer(self._want, ctypes.c_int8),
        )
