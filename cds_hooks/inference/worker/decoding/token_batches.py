"""What a job asks the scheduler to evaluate, and the sequences it may use for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["SequencePool", "TokenBatch"]

_NOTHING: NDArray[np.float32] = np.empty(0, np.float32)


@dataclass(slots=True, eq=False)
class TokenBatch:
    """Tokens to evaluate on one sequence from position `pos` on.

    When `done` reaches their number, `logits` is the row of the last token: llama.cpp's own memory,
    which the next decode writes over. Who needs it longer says `hold`.
    """

    seq: int
    pos: int
    tokens: list[int]
    done: int = 0
    logits: NDArray[np.float32] = field(default_factory=lambda: _NOTHING)

    @property
    def left(self) -> int:
        """Tokens that are not evaluated yet."""
        return len(self.tokens) - self.done

    def hold(self) -> None:
        """Keep the logits for as long as this work lives."""
        if self.logits.base is not None:
            self.logits = self.logits.copy()

    @property
    def end(self) -> int:
        """The position after the last token."""
        return self.pos + len(self.tokens)


class SequencePool:
    """The sequence numbers of a context that nobody uses now, lowest first."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count))

    def __len__(self) -> int:
        return len(self._free)

    def take(self, count: int) -> list[int]:
        """`count` sequence numbers; the caller has checked that so many are free."""
        taken, self._free = self._free[:count], self._free[count:]
        if len(taken) < count:
            raise LookupError("fewer sequences are free than were asked for")
        return taken

    def give(self, numbers: Iterable[int]) -> None:
        """Return sequence numbers whose cells are freed."""
        self._free = sorted({*self._free, *numbers})
