"""What every job of the engine process uses, and what the scheduler asks of a job."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

from cds_hooks.inference.worker.bindings.native import NativeContext
from cds_hooks.inference.worker.decoding.name_trie import NameTrie
from cds_hooks.inference.worker.decoding.thinking import ThinkingTokens
from cds_hooks.inference.worker.decoding.token_batches import SequencePool, TokenBatch
from cds_hooks.inference.worker.decoding.vocabulary import Vocabulary
from cds_hooks.inference.worker.prompt_cache.prefixes import PrefixCache

__all__ = ["EngineTools", "NameSearch", "Steps", "ScheduledJob", "spent_ms"]

Steps = Generator[list[TokenBatch], None, Any]


@dataclass(frozen=True, slots=True)
class NameSearch:
    """How names are found: `leads` and `width` of the beam (no leads: drawn along the trie)."""

    written: NameTrie
    spoken: NameTrie
    leads: tuple[tuple[int, ...], ...]
    width: int
    keep: int = 24

    @property
    def sequences(self) -> int:
        """Sequences that a search uses at once."""
        return len(self.leads) * (1 + 2 * self.width)


@dataclass(frozen=True, slots=True)
class EngineTools:
    """What every job uses; `helper` computes beside llama.cpp."""

    context: NativeContext
    vocabulary: Vocabulary
    pool: SequencePool
    prefixes: PrefixCache
    names: NameSearch | None
    thinking: ThinkingTokens | None = None
    helper: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "helper"))


class ScheduledJob(Protocol):
    """A request that the scheduler evaluates, with its place in the queue (`fair_queue.Waiting`).

    An `exclusive` one runs alone on an empty context.
    """

    id: int
    priority: int

    @property
    def arrived(self) -> float: ...

    @property
    def deadline(self) -> float: ...

    @property
    def flow(self) -> tuple[int, int]: ...

    @property
    def exclusive(self) -> bool: ...

    def sequences(self, tools: EngineTools) -> int:
        """Sequences that must be free before it may begin."""

    def cells(self, tools: EngineTools) -> int:
        """Cells that it may come to hold."""

    def longest(self, tools: EngineTools) -> int:
        """Positions that one of its sequences may come to."""

    def mark(self, stage: str) -> None:
        """Remember that a stage ended now."""

    def run(self, tools: EngineTools) -> Steps:
        """What must be evaluated, step by step; closing it frees everything it holds."""

    def done(self) -> dict[str, Any]:
        """The frame that answers it, once `run` has ended."""


def spent_ms(arrived: float, marks: Mapping[str, float]) -> dict[str, float]:
    """Milliseconds of each stage, from when the stages ended."""
    ends = pairwise([arrived, *marks.values()])
    return {stage: 1000 * (end - begin) for stage, (begin, end) in zip(marks, ends, strict=True)}
