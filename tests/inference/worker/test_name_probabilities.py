"""The log-probability of a name is that of its tokens, and is of the name that was written."""

from __future__ import annotations

import numpy as np
import pytest

from cds_hooks.inference.worker.decoding.name_search import (
    NameChoice,
    RankedName,
    WrittenName,
    written,
)
from cds_hooks.inference.worker.decoding.name_trie import build_trie
from cds_hooks.inference.worker.decoding.sampling import Sampling

ENDS = np.array([0])
TRIE = build_trie(
    [("ab", "x"), ("b", "y")], lambda names: [[ord(c) - 96 for c in n] for n in names]
)


def logits(*probabilities: float) -> np.ndarray:
    return np.log(np.array(probabilities, np.float32))


def test_a_drawn_name_has_the_sum_over_its_tokens_and_its_end_of_the_whole_vocabulary() -> None:
    """Token 0 ends a name, 1 is "a", 2 is "b"; 3 has half of everything and is in no name."""
    choice, how, random = NameChoice(TRIE, node=0), Sampling(0.0), np.random.default_rng(0)
    steps = (logits(0.1, 0.3, 0.1, 0.5), logits(0.2, 0.2, 0.1, 0.5), logits(0.05, 0.3, 0.15, 0.5))
    assert [choice.draw(step, ENDS, how, random) for step in steps] == [1, 2, None]
    (name,) = choice.said
    assert (name.leaf, name.tokens) == (0, 3)
    # Though "b" was all that the trie allowed behind "a", it costs what the model gave it.
    assert name.score == pytest.approx(np.log(0.3 * 0.1 * 0.05), abs=1e-5)


def test_the_next_drawn_name_begins_at_zero() -> None:
    choice, how, random = NameChoice(TRIE, node=0), Sampling(0.0), np.random.default_rng(0)
    for step in (logits(0.1, 0.1, 0.7, 0.1), logits(0.9, 0.02, 0.03, 0.05)):
        choice.draw(step, ENDS, how, random)
    choice.node = 0
    for step in (
        logits(0.1, 0.6, 0.2, 0.1),
        logits(0.1, 0.1, 0.4, 0.4),
        logits(0.5, 0.2, 0.2, 0.1),
    ):
        choice.draw(step, ENDS, how, random)
    assert [np.exp(name.score) for name in choice.said] == pytest.approx(
        [0.7 * 0.9, 0.6 * 0.4 * 0.5], abs=1e-5
    )


def test_a_listed_name_has_what_the_search_found() -> None:
    found = written([RankedName(1, -1.5), RankedName(0, -2.5)], TRIE)
    assert found == {1: WrittenName(1, -1.5, 2), 0: WrittenName(0, -2.5, 3)}
    choice = NameChoice(TRIE, order=[0, 1], listed=found)
    assert choice.next_listed() is not None
    assert choice.said == [WrittenName(0, -2.5, 3)]
    assert choice.told([b"", b"a", b"b", b"c"]) == [("ab", -2.5, 3)]
