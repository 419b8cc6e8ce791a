"""What a reasoning model writes before its answer: free text in a budget, closed by force."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.worker.decoding.sampling import Sampling, TokenSampler
from cds_hooks.inference.worker.decoding.token_mask import TokenMask

__all__ = ["ThinkingTokens", "Thought"]


@dataclass(frozen=True, slots=True)
class ThinkingTokens:
    """A model's markers as tokens: `opens` begins a thought, the bytes `stop` end it, `goes_on` is
    written behind them, and `closes` ends a thought whose `budget` (tokens) is used up.

    `barred` are the control tokens that have no place in a thought.
    """

    opens: list[int]
    stop: bytes
    goes_on: list[int]
    closes: list[int]
    budget: int
    barred: NDArray[np.intp]


@dataclass(slots=True)
class Thought:
    """One sample's thinking. `tokens` is what the model wrote, without the markers around it.

    `cut` says that it did not end by itself.
    """

    how: ThinkingTokens
    pieces: list[bytes]
    chooser: TokenSampler
    tokens: list[int] = field(default_factory=list)
    cut: bool = False
    _tail: bytes = b""
    _mask: TokenMask = field(init=False)

    def __post_init__(self) -> None:
        self._mask = TokenMask.without(len(self.pieces), self.how.barred)

    def advance(
        self, logits: NDArray[np.float32], sampling: Sampling, random: np.random.Generator
    ) -> tuple[list[int], bool]:
        """The tokens to evaluate next, and whether the thought ends with them."""
        if len(self.tokens) >= self.how.budget:
            self.cut = True
            return self.how.closes, True
        token = self.chooser.draw(logits, self._mask, sampling, random)
        self.tokens.append(token)
        self._tail = (self._tail + self.pieces[token])[-2 * len(self.how.stop) :]
        if self.how.stop in self._tail:
            return [token, *self.how.goes_on], True
        return [token], False

    def text(self) -> str:
        """What was thought."""
        written = b"".join(self.pieces[token] for token in self.tokens)
        return written.partition(self.how.stop)[0].decode("utf-8", "replace")
