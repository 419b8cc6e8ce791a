"""Which tokens may come next, one bit a token, as llguidance writes them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

__all__ = ["TokenMask"]

_WORD = 64
Tokens = NDArray[np.intp]


class TokenMask:
    """A mask over `size` tokens, changed in place; `bits` are its bytes, the lowest bit first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._words = np.zeros(-(-size // _WORD), np.uint64)
        self.bits = self._words.view(np.uint8)
        self._filled = -(-size // 32) * 4  # llguidance writes whole words of 32 bits
        self._last = np.uint64((1 << ((size - 1) % _WORD + 1)) - 1)

    @classmethod
    def without(cls, size: int, tokens: Tokens) -> TokenMask:
        """All tokens but these."""
        allowed = np.ones(size, bool)
        allowed[tokens] = False
        packed = np.packbits(allowed, bitorder="little")
        mask = cls(size)
        mask.bits[: len(packed)] = packed
        return mask

    def fill(self, matcher: LLMatcher) -> None:
        """Take what a matcher allows now."""
        matcher.unsafe_compute_mask_ptr(self._words.ctypes.data, self._filled)
        self._words[-1] &= self._last

    @property
    def count(self) -> int:
        """How many tokens may come."""
        return int(np.bitwise_count(self._words).sum())

    def among(self, tokens: Tokens) -> Tokens:
        """Those of `tokens` that may come."""
        allowed: Tokens = tokens[(self.bits[tokens >> 3] >> (tokens & 7) & 1).astype(bool)]
        return allowed

    def forbid(self, tokens: Iterable[int]) -> None:
        """Take tokens away."""
        for token in tokens:
            self.bits[token >> 3] &= ~(1 << (token & 7)) & 0xFF

    def ids(self) -> Tokens:
        """The tokens that may come, ascending; fast where they are few."""
        words = np.flatnonzero(self._words)
        bits = np.unpackbits(self._words[words].view(np.uint8), bitorder="little")
        at = np.flatnonzero(bits)
        tokens: Tokens = words[at // _WORD] * _WORD + at % _WORD
        return tokens
