"""How long a question takes with one way to compute, told from a short piece of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cds_hooks.inference.memory.context_size import ContextSize
from cds_hooks.inference.worker.bindings.native import NativeContext, NativeModel

__all__ = ["LinearTime", "TimingTrial"]

_TEXT = "A 54-year-old has had a fever, a cough and pain in the chest for three days. "
_STEPS = 6
_STEADY = 1.5
_BLOCK = 256  # llama.cpp pads its contexts to this
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class LinearTime:
    """Seconds for a token as `base` and what each token before it adds: `slope`, never less than 0.

    Attention is the one part of a model that takes longer the more there is to attend to.
    """

    base: float
    slope: float

    @classmethod
    def through(cls, near: tuple[float, float], far: tuple[float, float]) -> LinearTime:
        """By two measurements: (tokens before, seconds), the nearer one first."""
        slope = max(far[1] - near[1], 0.0) / (far[0] - near[0])
        return cls(max(near[1] - slope * near[0], 0.0), slope)

    def of(self, count: int, before: float) -> float:
        """Seconds for `count` tokens, the first of which has `before` tokens before it."""
        return count * (self.base + self.slope * (before + count / 2))


class TimingTrial:
    """A small context of its own, in which `chunk` tokens at a time are evaluated, least time of
    two. `clock` gives seconds that pass; `steady` is false when the two differed much: then others
    use the processors, and the figures say nothing."""

    def __init__(
        self, model: NativeModel, size: ContextSize, samples: int, chunk: int, clock: Clock
    ) -> None:
        cells = 2 * chunk + samples * _STEPS + 1
        small = replace(size, cells=-(-cells // _BLOCK) * _BLOCK, sequences=samples)
        self.context = NativeContext(model, small)
        self.samples, self.chunk, self._clock = samples, chunk, clock
        self.steady = True
        words = model.tokenize(_TEXT, special=False) or [0]
        self._words = (words * (2 * chunk + _STEPS))[: 2 * chunk + _STEPS]

    def close(self) -> None:
        """Free the context."""
        self.context.close()

    def prompt(self) -> LinearTime:
        """Of a token of a prompt; leaves two chunks on the first sequence."""
        self.step(0)  # what is touched for the first time is not measured
        near, far = [], []
        for _ in range(2):
            near.append(self._first())
            far.append(self._decoded([0], self.chunk, self.chunk))
        self.steady = all(max(times) <= _STEADY * min(times) for times in (near, far))
        half = self.chunk / 2
        return LinearTime.through((half, min(near) / self.chunk), (3 * half, min(far) / self.chunk))

    def decoding(self) -> LinearTime:
        """Of a step that decodes one token of each sample behind what `prompt` left."""
        far = self.step(2 * self.chunk)
        self._drop()
        return LinearTime.through((_STEPS / 2, self.step(0)), (2 * self.chunk + _STEPS / 2, far))

    def with_threads(self, threads: int) -> tuple[float, float]:
        """Seconds for a chunk and for a step behind it with so many threads."""
        self.context.size = replace(self.context.size, threads=threads, prompt_threads=threads)
        chunk = min(self._first() for _ in range(2))
        return chunk, self.step(self.chunk)

    def step(self, before: int) -> float:
        """Seconds for one step behind what the first sequence holds, the least of a few."""
        for seq in range(1, self.samples):
            self.context.fork(0, seq)
        return min(self._decoded(range(self.samples), 1, before + n) for n in range(_STEPS))

    def _first(self) -> float:
        self._drop()
        return self._decoded([0], self.chunk, 0)

    def _drop(self) -> None:
        """Whole sequences alone: a recurrent state cannot be cut."""
        for seq in range(self.samples):
            self.context.drop(seq)

    def _decoded(self, seqs: Sequence[int], count: int, pos: int) -> float:
        """Seconds for as many tokens of each sequence, no more than a batch at once."""
        batch, tokens = self.context.batch, self._words[pos : pos + count]
        started = self._clock()
        for at in range(0, count, batch.capacity):
            batch.clear()
            for seq in seqs:
                batch.add(tokens[at : at + batch.capacity], seq=seq, pos=pos + at, want_last=True)
            self.context.decode()
        return self._clock() - started
