"""Prompts whose cells stay in the context after their job, for jobs that begin the same way."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from cds_hooks.inference.worker.native import Context
from cds_hooks.inference.worker.work import SequencePool

__all__ = ["Prefixes"]


@dataclass(slots=True)
class Prefixes:
    """At most `slots` kept beginnings, the least recently used goes first.

    Where the architecture cannot cut a state (recurrent layers), only a whole kept beginning is
    reused; otherwise the longest common part of any.
    """

    context: Context
    pool: SequencePool
    slots: int
    cuttable: bool
    _kept: OrderedDict[int, list[int]] = field(default_factory=OrderedDict)

    @property
    def cells(self) -> int:
        """Cells that kept beginnings hold, counting shared ones twice."""
        return sum(map(len, self._kept.values()))

    def begin(self, seq: int, tokens: list[int]) -> int:
        """Fill `seq` with what is kept of `tokens`; returns how many need no evaluation.

        The last token is always left over, because its logits are wanted.
        """
        best, length = -1, 0
        for held, ids in self._kept.items():
            common = min(_common(ids, tokens), len(tokens) - 1)
            usable = common if self.cuttable or common == len(ids) else 0
            if usable > length:
                best, length = held, usable
        if length:
            self._kept.move_to_end(best)
            self.context.fork(best, seq)
            self.context.drop(seq, length)
        return length

    def keep(self, seq: int, tokens: list[int]) -> None:
        """Keep what `seq` holds, which is exactly `tokens`, for later jobs."""
        if not self.slots or any(
            _common(ids, tokens) == len(tokens) for ids in self._kept.values()
        ):
            return
        for held, ids in list(self._kept.items()):
            if self.cuttable and _common(ids, tokens) == len(ids):
                self._free(held)
        while len(self._kept) >= self.slots:
            self._free(next(iter(self._kept)))
        if not len(self.pool):
            return
        held = self.pool.take(1)[0]
        self.context.fork(seq, held)
        self._kept[held] = list(tokens)

    def shrink(self, cells: int) -> None:
        """Forget beginnings until at most `cells` are held."""
        while self._kept and self.cells > cells:
            self._free(next(iter(self._kept)))

    def _free(self, held: int) -> None:
        del self._kept[held]
        self.context.drop(held)
        self.pool.give([held])


def _common(one: list[int], other: list[int]) -> int:
    length = min(len(one), len(other))
    differ = np.flatnonzero(np.array(one[:length]) != np.array(other[:length]))
    return int(differ[0]) if len(differ) else length
