"""Prompts that were evaluated, kept for jobs that begin the same way.

Two kinds: the system part of a template, which holds nothing of any chart and is saved to disk too,
so that not even a restart evaluates it again; and the last whole prompts, in memory only, for the
next consultation of the same chart. A prompt that is kept whole is not evaluated at all, so that
asking twice gives the same bits.

Where that is possible they are copies of llama.cpp's sequence state and hold no cells: what lies in
the cache of a context costs every token that is decoded there, whoever it belongs to (three kept
prompts of 768 tokens made decoding half as slow again with the embedded model on a CPU), and a copy
costs milliseconds. Of a model with sliding windows a copy leaves out what the window has passed, so
that it could not be cut any more: its prompts stay in the context, each on a sequence of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from cds_hooks.inference.worker.bindings.native import Floats, NativeContext
from cds_hooks.inference.worker.decoding.token_batches import SequencePool
from cds_hooks.inference.worker.prompt_cache.saved_states import SavedStates

__all__ = ["PrefixCache"]

_WORTH_KEEPING = 16  # tokens
_Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A copied state, or the sequence that holds it; of a whole prompt the logits behind it."""

    state: bytearray = field(default_factory=bytearray)
    seq: int = -1
    logits: Floats | None = None


@dataclass(slots=True)
class PrefixCache:
    """At most `slots` prompts and as many system parts, `max_bytes` in all; the oldest go first.

    Where the architecture cannot cut a state (recurrent layers), only a whole kept beginning is
    reused; otherwise the longest common part of any. With `windows` they stay in the context.
    """

    context: NativeContext
    pool: SequencePool
    slots: int
    max_bytes: int
    cuttable: bool
    windows: bool = False
    saved: SavedStates | None = None
    _parts: OrderedDict[_Key, _Kept] = field(default_factory=OrderedDict)
    _prompts: OrderedDict[_Key, _Kept] = field(default_factory=OrderedDict)

    @property
    def kept_bytes(self) -> int:
        """Bytes of all that is kept outside the context."""
        return sum(len(kept.state) for kind in self._kinds for kept in kind.values())

    @property
    def cells(self) -> int:
        """Cells that are held, counting shared ones as often as they are shared."""
        kept = (item for kind in self._kinds for item in kind.items())
        return sum(len(ids) for ids, one in kept if one.seq >= 0)

    @property
    def sequences(self) -> int:
        """Sequences that are held."""
        return sum(one.seq >= 0 for kind in self._kinds for one in kind.values())

    def shrink(self, cells: int, sequences: int) -> None:
        """Let go until at most `cells` are held and `sequences` are free, prompts first."""
        for kind in self._kinds:
            while kind and self.sequences and self._crowded(cells, sequences):
                self._let_go(kind)

    def _crowded(self, cells: int, sequences: int) -> bool:
        return self.cells > cells or len(self.pool) < sequences

    def begin(self, seq: int, tokens: list[int], shared: int) -> tuple[int, Floats | None]:
        """Fill `seq` with what is kept of `tokens`: how many that is, and the logits behind all.

        The first `shared` tokens are the system part. Only when the whole prompt is kept are there
        logits; otherwise at least one token is left to evaluate.
        """
        self._read_back(tokens[:shared])
        whole = self._prompts.get(tuple(tokens))
        if whole is not None and self._give(whole, seq):
            self._prompts.move_to_end(tuple(tokens))
            return len(tokens), whole.logits
        return self._longest(seq, tokens), None

    def _longest(self, seq: int, tokens: list[int]) -> int:
        best: _Key = ()
        length = 0
        for ids in (*self._parts, *self._prompts):
            common = min(_common(ids, tokens), len(tokens) - 1)
            usable = common if self.cuttable or common == len(ids) else 0
            if usable > length:
                best, length = ids, usable
        if not length:
            return 0
        kind = self._parts if best in self._parts else self._prompts
        kind.move_to_end(best)
        if not self._give(kind[best], seq):
            return 0
        self.context.drop(seq, length)
        return length

    def _give(self, kept: _Kept, seq: int) -> bool:
        """Let `seq` hold what is kept."""
        if kept.seq < 0:
            return self.context.restore(seq, kept.state)
        self.context.fork(kept.seq, seq)
        return True

    def keep_part(self, seq: int, tokens: list[int]) -> None:
        """Keep a system part that `seq` holds and nothing else, here and on disk."""
        if len(tokens) < _WORTH_KEEPING or tuple(tokens) in self._parts:
            return
        if self._keep(self._parts, seq, tokens) and self.saved is not None:
            self.saved.save(self.context.state(seq), tokens)

    def keep_prompt(self, seq: int, tokens: list[int], logits: Floats) -> None:
        """Keep a whole prompt that `seq` holds with the logits behind it, in memory only."""
        for ids in list(self._prompts):
            if ids == tuple(tokens) or (self.cuttable and _common(ids, tokens) == len(ids)):
                self._free(self._prompts.pop(ids))
        self._keep(self._prompts, seq, tokens, logits)

    def forget(self) -> None:
        """Keep nothing any more; what is on disk stays there."""
        for kind in self._kinds:
            while kind:
                self._let_go(kind)

    @property
    def _kinds(self) -> tuple[OrderedDict[_Key, _Kept], OrderedDict[_Key, _Kept]]:
        """In the order in which they make space."""
        return (self._prompts, self._parts)

    def _read_back(self, part: list[int]) -> None:
        """Take a system part from disk, unless it is here."""
        if self.saved is None or len(part) < _WORTH_KEEPING or tuple(part) in self._parts:
            return
        state = self.saved.load(part)
        if state is None:
            return
        if not self.windows:
            self._insert(self._parts, part, _Kept(state))
        elif self._has_space(self._parts):
            seq = self.pool.take(1)[0]
            if self.context.restore(seq, state):
                self._insert(self._parts, part, _Kept(seq=seq))
            else:
                self.pool.give([seq])

    def _keep(
        self,
        kind: OrderedDict[_Key, _Kept],
        seq: int,
        tokens: list[int],
        logits: Floats | None = None,
    ) -> bool:
        """Whether it is kept from now on."""
        if not self._has_space(kind):
            return False
        if self.windows:
            own = self.pool.take(1)[0]
            self.context.fork(seq, own)
            self._insert(kind, tokens, _Kept(seq=own, logits=logits))
        elif self.context.state_size(seq) <= self.max_bytes:
            self._insert(kind, tokens, _Kept(self.context.state(seq), logits=logits))
        return tuple(tokens) in kind

    def _has_space(self, kind: OrderedDict[_Key, _Kept]) -> bool:
        while kind and len(kind) >= self.slots:
            self._let_go(kind)
        return self.slots > 0 and (not self.windows or len(self.pool) > 0)

    def _insert(self, kind: OrderedDict[_Key, _Kept], tokens: list[int], kept: _Kept) -> None:
        """Keep it, and let go of the oldest until all of it fits again, prompts first."""
        kind[tuple(tokens)] = kept
        for crowd in self._kinds:
            while self.kept_bytes > self.max_bytes and len(crowd) > (crowd is kind):
                self._let_go(crowd)

    def _let_go(self, kind: OrderedDict[_Key, _Kept]) -> None:
        """Keep the oldest of a kind no longer."""
        self._free(kind.popitem(last=False)[1])

    def _free(self, kept: _Kept) -> None:
        if kept.seq >= 0:
            self.context.drop(kept.seq)
            self.pool.give([kept.seq])


def _common(one: _Key, other: list[int]) -> int:
    length = min(len(one), len(other))
    differ = np.flatnonzero(np.array(one[:length]) != np.array(other[:length]))
    return int(differ[0]) if len(differ) else length
