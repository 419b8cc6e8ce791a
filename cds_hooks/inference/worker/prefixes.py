"""Prompts whose cells stay in the context after their job, for jobs that begin the same way.

Two kinds: the system part of a template, which holds nothing of any chart, is kept as long as
there is room for it and saved to disk, so that not even a restart evaluates it again; and the last
whole prompts, in memory only, for the next consultation of the same chart. A prompt that is there
whole is not evaluated at all, so that asking twice gives the same bits.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from cds_hooks.inference.worker.native import Context, Floats
from cds_hooks.inference.worker.saved import SavedStates
from cds_hooks.inference.worker.work import SequencePool

__all__ = ["Prefixes"]

_WORTH_KEEPING = 16  # tokens


@dataclass(slots=True)
class Prefixes:
    """At most `slots` prompts and as many system parts; the least recently used go first.

    Where the architecture cannot cut a state (recurrent layers), only a whole kept beginning is
    reused; otherwise the longest common part of any.
    """

    context: Context
    pool: SequencePool
    slots: int
    cuttable: bool
    saved: SavedStates | None = None
    _parts: OrderedDict[int, list[int]] = field(default_factory=OrderedDict)
    _prompts: OrderedDict[int, list[int]] = field(default_factory=OrderedDict)
    _logits: dict[int, Floats] = field(default_factory=dict)

    @property
    def sequences(self) -> int:
        """Sequences that are held."""
        return len(self._parts) + len(self._prompts)

    @property
    def cells(self) -> int:
        """Cells that are held, counting shared ones as often as they are shared."""
        return sum(map(len, [*self._parts.values(), *self._prompts.values()]))

    def begin(self, seq: int, tokens: list[int], shared: int) -> tuple[int, Floats | None]:
        """Fill `seq` with what is kept of `tokens`: how many that is, and the logits behind all.

        The first `shared` tokens are the system part. Only when the whole prompt is kept are there
        logits; otherwise at least one token is left to evaluate.
        """
        self._restore(tokens[:shared])
        for held, ids in self._prompts.items():
            if ids == tokens:
                self._prompts.move_to_end(held)
                self.context.fork(held, seq)
                return len(tokens), self._logits[held]
        return self._longest(seq, tokens), None

    def _longest(self, seq: int, tokens: list[int]) -> int:
        best, length = -1, 0
        for held, ids in [*self._parts.items(), *self._prompts.items()]:
            common = min(_common(ids, tokens), len(tokens) - 1)
            usable = common if self.cuttable or common == len(ids) else 0
            if usable > length:
                best, length = held, usable
        if length:
            kind = self._parts if best in self._parts else self._prompts
            kind.move_to_end(best)
            self.context.fork(best, seq)
            self.context.drop(seq, length)
        return length

    def keep_part(self, seq: int, tokens: list[int]) -> None:
        """Keep a system part that `seq` holds and nothing else, here and on disk."""
        if len(tokens) >= _WORTH_KEEPING and self._hold(self._parts, seq, tokens) and self.saved:
            self.saved.save(self.context, seq, tokens)

    def keep_prompt(self, seq: int, tokens: list[int], logits: Floats) -> None:
        """Keep a whole prompt that `seq` holds with the logits behind it, in memory only."""
        for held, ids in list(self._prompts.items()):
            if self.cuttable and _common(ids, tokens) == len(ids):
                self._free(self._prompts, held)
        if self._hold(self._prompts, seq, tokens):
            self._logits[next(reversed(self._prompts))] = logits

    def shrink(self, cells: int, sequences: int = 0) -> None:
        """Forget until at most `cells` are held and `sequences` are free, prompts first."""
        for kind in (self._prompts, self._parts):
            while kind and (self.cells > cells or len(self.pool) < sequences):
                self._free(kind, next(iter(kind)))

    def _restore(self, part: list[int]) -> None:
        known = any(_common(ids, part) == len(part) for ids in self._parts.values())
        if self.saved is None or known or len(part) < _WORTH_KEEPING or not self._room(self._parts):
            return
        seq = self.pool.take(1)[0]
        if self.saved.load(self.context, seq, part):
            self._parts[seq] = list(part)
        else:
            self.context.drop(seq)
            self.pool.give([seq])

    def _hold(self, kind: OrderedDict[int, list[int]], seq: int, tokens: list[int]) -> bool:
        """Whether it is held from now on (it may be already, or there is no room)."""
        if any(_common(ids, tokens) == len(tokens) for ids in kind.values()):
            return False
        if not self._room(kind):
            return False
        held = self.pool.take(1)[0]
        self.context.fork(seq, held)
        kind[held] = list(tokens)
        return True

    def _room(self, kind: OrderedDict[int, list[int]]) -> bool:
        while kind and len(kind) >= self.slots:
            self._free(kind, next(iter(kind)))
        return self.slots > 0 and len(self.pool) > 0

    def _free(self, kind: OrderedDict[int, list[int]], held: int) -> None:
        del kind[held]
        self._logits.pop(held, None)
        self.context.drop(held)
        self.pool.give([held])


def _common(one: list[int], other: list[int]) -> int:
    length = min(len(one), len(other))
    differ = np.flatnonzero(np.array(one[:length]) != np.array(other[:length]))
    return int(differ[0]) if len(differ) else length
