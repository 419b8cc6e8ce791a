"""What decoding needs to know of a vocabulary, computed once when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.worker.bindings.native import NativeModel
from cds_hooks.inference.worker.decoding.sampling import TokenSampler

__all__ = ["Vocabulary"]

Tokens = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`quotes` and `brackets` begin with a closing quote or bracket; `stops` can end a name in
    running text; `bytes_to_tokens` is the canonical tokenisation of answer text. `chooser` draws
    from whole rows of logits, for one sample at a time.
    """

    size: int
    pieces: list[bytes]
    quotes: Tokens
    brackets: Tokens
    stops: Tokens
    bytes_to_tokens: Callable[[bytes], list[int]]
    chooser: TokenSampler

    @classmethod
    def of(cls, model: NativeModel, bytes_to_tokens: Callable[[bytes], list[int]]) -> Vocabulary:
        """The vocabulary of a loaded model."""

        def beginning(with_any: bytes) -> set[int]:
            return {
                token
                for token, piece in enumerate(model.pieces)
                if piece[:1] and piece[0] in with_any and token not in model.control
            }

        def ids(tokens: set[int] | frozenset[int]) -> Tokens:
            return np.array(sorted(tokens), np.intp)

        return cls(
            size=model.size,
            pieces=model.pieces,
            quotes=ids(beginning(b'"')),
            brackets=ids(beginning(b"]}")),
            stops=ids(beginning(b'.,;:!?\n()"') | model.ends),
            bytes_to_tokens=bytes_to_tokens,
            chooser=TokenSampler(model.size),
        )
