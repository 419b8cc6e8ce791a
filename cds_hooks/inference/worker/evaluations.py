"""Which of two answers comes next, after each of several prompts that begin alike.

The common beginning is evaluated once, as far as it is not kept from a prompt before, and all that
differs in one batch behind it. Nothing is decoded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokenizer, PromptTokens
from cds_hooks.inference.worker.decoding.sampling import LogitsUnusable
from cds_hooks.inference.worker.decoding.thinking import ThinkingTokens
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch
from cds_hooks.inference.worker.engine_tools import EngineTools, Steps, spent_ms

__all__ = ["EvaluationJob", "TwoAnswers", "closed_thought", "share_of"]

Tokens = NDArray[np.intp]
_RESERVE_CELLS = 16


@dataclass(frozen=True, slots=True)
class TwoAnswers:
    """The first tokens of the affirmative and of the negative answer, however they are spelt."""

    affirmative: Tokens
    negative: Tokens

    @classmethod
    def of(
        cls, tokenizer: PromptTokenizer, affirmative: Sequence[str], negative: Sequence[str]
    ) -> TwoAnswers:
        """Raises ValueError where no token tells one from the other."""
        yes, no = (_first_tokens(tokenizer, words) for words in (affirmative, negative))
        if not yes - no or not no - yes:
            raise ValueError("the answers begin with the same token")
        return cls(np.array(sorted(yes - no), np.intp), np.array(sorted(no - yes), np.intp))


def _first_tokens(tokenizer: PromptTokenizer, words: Sequence[str]) -> set[int]:
    return {ids[0] for word in words if (ids := tokenizer.content(word))}


def share_of(logits: NDArray[np.float32], answers: TwoAnswers) -> float:
    """The probability of the affirmative answer where it is one of the two. Raises LogitsUnusable.

    At temperature 1; what else the model might write is left out of both.
    """
    yes, no = (
        float(np.logaddexp.reduce(logits[tokens].astype(np.float64)))
        for tokens in (answers.affirmative, answers.negative)
    )
    if not math.isfinite(yes) or not math.isfinite(no):
        raise LogitsUnusable
    return 1 / (1 + math.exp(min(no - yes, 700.0)))


@dataclass(slots=True, eq=False)
class EvaluationJob:
    """Prompts as tokens, at least one; `deadline` and `arrived` are monotonic seconds."""

    id: int
    prompts: Sequence[PromptTokens]
    answers: TwoAnswers
    deadline: float
    arrived: float
    priority: int = 0
    flow: tuple[int, int] = (0, 0)
    exclusive: bool = False
    reused: int = 0
    marks: dict[str, float] = field(default_factory=dict)
    shares: list[float] = field(default_factory=list)
    common: int = field(init=False)

    def __post_init__(self) -> None:
        self.common = self._common()

    def _common(self) -> int:
        """Tokens that all prompts begin with; at least one of each is left."""
        length = min(len(prompt.ids) for prompt in self.prompts) - 1
        rows = np.array([prompt.ids[:length] for prompt in self.prompts])
        differ = np.flatnonzero((rows != rows[0]).any(axis=0))
        return int(differ[0]) if len(differ) else length

    def sequences(self, tools: EngineTools) -> int:
        """One holds the beginning; as many more as there are prompts, or as there is space for."""
        return max(2, min(1 + len(self.prompts), tools.context.size.sequences))

    def cells(self, _: EngineTools) -> int:
        """All of them side by side."""
        return self.common + self._ends + _RESERVE_CELLS

    def longest(self, _: EngineTools) -> int:
        """Tokens of the longest prompt."""
        return max(len(prompt.ids) for prompt in self.prompts)

    @property
    def _ends(self) -> int:
        return sum(len(prompt.ids) - self.common for prompt in self.prompts)

    def mark(self, stage: str) -> None:
        """Remember that a stage ended now."""
        self.marks[stage] = time.monotonic()

    def run(self, tools: EngineTools) -> Steps:
        """The beginning, then what differs."""
        taken = tools.pool.take(self.sequences(tools))
        trunk, branches = taken[0], taken[1:]
        try:
            yield from self._begin(tools, trunk)
            self.mark("prompt")
            for at in range(0, len(self.prompts), len(branches)):
                yield from self._side_by_side(tools, trunk, branches, at)
            self.mark("evaluate")
        finally:
            for seq in taken:
                tools.context.drop(seq)
            tools.pool.give(taken)

    def _begin(self, tools: EngineTools, trunk: int) -> Generator[list[TokenBatch], None, None]:
        """What all prompts begin with, on one sequence."""
        common = self.prompts[0].ids[: self.common]
        if not common:
            return
        shared = min(self.prompts[0].shared, len(common))
        self.reused, _ = tools.prefixes.begin(trunk, common, shared)
        if self.reused < len(common):
            yield [TokenBatch(trunk, self.reused, common[self.reused :])]

    def _side_by_side(
        self, tools: EngineTools, trunk: int, branches: Sequence[int], at: int
    ) -> Generator[list[TokenBatch], None, None]:
        """What differs in the prompts from number `at` on, one a branch."""
        common, works = self.common, []
        for seq, prompt in zip(branches, self.prompts[at:], strict=False):
            tools.context.fork(trunk, seq)
            works.append(TokenBatch(seq, common, prompt.ids[common:]))
        yield works
        self.shares += [share_of(work.logits, self.answers) for work in works]

    def done(self) -> dict[str, Any]:
        """The probability of the affirmative answer after each prompt."""
        return {
            "op": "done",
            "id": self.id,
            "shares": self.shares,
            "tokens_prompt": self.common + self._ends,
            "tokens_reused": self.reused,
            "timings_ms": spent_ms(self.arrived, self.marks),
        }


def closed_thought(prompt: PromptTokens, thinking: ThinkingTokens | None) -> PromptTokens:
    """The prompt of a model that thinks, behind an empty thought: its answer comes next."""
    if thinking is None:
        return prompt
    return PromptTokens([*prompt.ids, *thinking.opens, *thinking.closes], prompt.shared)
