"""Two answers weighed behind several prompts: what is evaluated, where, and that it is let go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokens
from cds_hooks.inference.worker.decoding.sampling import LogitsUnusable
from cds_hooks.inference.worker.decoding.thinking import ThinkingTokens
from cds_hooks.inference.worker.decoding.token_batches import SequencePool, TokenBatch
from cds_hooks.inference.worker.evaluations import (
    EvaluationJob,
    TwoAnswers,
    closed_thought,
    share_of,
)

ANSWERS = TwoAnswers(np.array([1, 2]), np.array([3]))
COMMON = [7, 7, 7, 8]


class Context:
    """Remembers which sequences hold anything."""

    def __init__(self, sequences: int) -> None:
        self.size = SimpleNamespace(sequences=sequences)
        self.held: set[int] = set()

    def fork(self, _source: int, target: int) -> None:
        self.held.add(target)

    def drop(self, seq: int) -> None:
        self.held.discard(seq)


def tools_with(sequences: int, kept: int = 3) -> Any:
    def begin(seq: int, _tokens: list[int], _shared: int) -> tuple[int, None]:
        context.held.add(seq)
        return kept, None

    context = Context(sequences)
    prefixes = SimpleNamespace(begin=begin)
    return SimpleNamespace(context=context, pool=SequencePool(sequences), prefixes=prefixes)


def job(*ends: list[int]) -> EvaluationJob:
    prompts = [PromptTokens([*COMMON, *end], 2) for end in ends]
    return EvaluationJob(1, prompts, ANSWERS, deadline=9.0, arrived=0.0)


def evaluated(works: list[TokenBatch]) -> list[tuple[int, int, list[int]]]:
    for work in works:
        work.logits = np.array([0, work.tokens[0], 0, 0], np.float32)
    return [(work.seq, work.pos, work.tokens) for work in works]


@pytest.mark.parametrize(
    ("logits", "share"), [([9, 0, 0, 0], 2 / 3), ([0, 0, -99, 0], 0.5), ([0, -99, -99, 99], 0)]
)
def test_the_share_is_of_the_two_answers_alone(logits: list[float], share: float) -> None:
    assert share_of(np.array(logits, np.float32), ANSWERS) == pytest.approx(share, abs=1e-6)


def test_logits_that_are_no_numbers_are_no_share() -> None:
    with pytest.raises(LogitsUnusable):
        share_of(np.array([0, np.nan, 0, 0], np.float32), ANSWERS)


def test_what_is_common_is_evaluated_once_and_the_rest_side_by_side() -> None:
    tools, asked = tools_with(9), job([4, 5], [5], [6, 6, 6])
    assert (asked.common, asked.sequences(tools), asked.cells(tools)) == (4, 4, 4 + 6 + 16)
    steps = asked.run(tools)
    assert evaluated(next(steps)) == [(0, 3, [8])]
    assert evaluated(next(steps)) == [(1, 4, [4, 5]), (2, 4, [5]), (3, 4, [6, 6, 6])]
    assert list(steps) == []
    told = asked.done()
    assert told["shares"] == sorted(told["shares"])
    assert (told["tokens_prompt"], told["tokens_reused"]) == (10, 3)
    assert (tools.context.held, len(tools.pool)) == (set(), 9)


def test_with_few_sequences_the_questions_take_turns() -> None:
    tools, asked = tools_with(2, kept=4), job([4], [5], [6])
    assert asked.sequences(tools) == 2
    assert [evaluated(works) for works in asked.run(tools)] == [
        [(1, 4, [4])], [(1, 4, [5])], [(1, 4, [6])]
    ]  # fmt: skip
    assert len(asked.shares) == 3


def test_one_that_is_closed_before_its_end_frees_its_sequences() -> None:
    tools = tools_with(5)
    steps = job([4], [5]).run(tools)
    next(steps)
    assert len(tools.pool) == 2
    steps.close()
    assert (tools.context.held, len(tools.pool)) == (set(), 5)


def test_one_question_alone_leaves_a_token_to_evaluate() -> None:
    assert job([4, 5, 6]).common == 6
    assert job([4], [4]).common == 4


def test_a_model_that_thinks_is_asked_behind_an_empty_thought() -> None:
    thinking = ThinkingTokens([20], b"</think>", [], [21, 22], 64, np.array([], np.intp))
    prompt = PromptTokens([1, 2], 1)
    assert closed_thought(prompt, thinking).ids == [1, 2, 20, 21, 22]
    assert closed_thought(prompt, None) is prompt
