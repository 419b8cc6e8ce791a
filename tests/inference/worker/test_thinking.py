"""A reasoning model thinks in a budget, is closed by force, and answers under the constraint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cds_hooks.inference.answer_parser import parse_differential
from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import ThinkingMarkers as Markers
from cds_hooks.inference.worker.decoding.sampling import Sampling, TokenSampler
from cds_hooks.inference.worker.decoding.thinking import ThinkingTokens, Thought

Ask = Callable[..., GenerationRequest]
PIECES = [b"so", b" it", b"</th", b"ink>", b"<ctl>", b"\n"]
GREEDY = Sampling(0)


def _logits(token: int, second: int = 5) -> np.ndarray:
    logits = np.zeros(len(PIECES), np.float32)
    logits[token], logits[second] = 9, 5
    return logits


def _thought(budget: int = 10) -> Thought:
    how = ThinkingTokens([], b"</think>", [5], [5, 2, 3, 5], budget, np.array([4]))
    return Thought(how, PIECES, TokenSampler(len(PIECES)))


def test_a_thought_ends_where_the_model_ends_it_even_in_two_tokens() -> None:
    thought = _thought()
    random = np.random.default_rng(0)
    assert thought.advance(_logits(0), GREEDY, random) == ([0], False)
    assert thought.advance(_logits(2), GREEDY, random) == ([2], False)
    assert thought.advance(_logits(3), GREEDY, random) == ([3, 5], True)
    assert thought.text() == "so"


def test_a_thought_that_never_ends_is_closed_when_its_budget_is_used() -> None:
    thought = _thought(budget=3)
    random = np.random.default_rng(0)
    for _ in range(3):
        assert thought.advance(_logits(1), GREEDY, random) == ([1], False)
    assert thought.advance(_logits(1), GREEDY, random) == ([5, 2, 3, 5], True)
    assert thought.text() == " it it it"


def test_a_thought_holds_no_control_token() -> None:
    assert _thought().advance(_logits(4, second=1), GREEDY, np.random.default_rng(0)) == (
        [1],
        False,
    )


@pytest.mark.model
@pytest.mark.parametrize("stop", ["</think>", "e"])
async def test_the_embedded_model_answers_after_a_thought(
    config: LlamaConfig, ask: Ask, stop: str
) -> None:
    """Its own text has no such marker: the first thought runs to its budget, the second ends."""
    entry = config.entry.model_copy(
        update={"thinking": Markers(open="<think>\n", stop=stop, then="\n\n", budget=12)}
    )
    engine = LlamaEngine(replace(config, entry=entry))
    await engine.start()
    try:
        await engine.wait_until_settled()
        generation = await engine.generate(ask(samples=2, temperature=1.0))
    finally:
        await engine.stop()
    for sample in generation.samples:
        assert sample.finish == "stop"
        assert sample.thinking or stop == "e"
        assert stop not in sample.thinking
        assert sample.thinking not in sample.text
        assert len(parse_differential(sample.text, ("S1", "L1", "L12")).candidates) == 1
