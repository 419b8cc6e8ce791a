"""What is kept of prompts: bounded in number and bytes, and never more than was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from cds_hooks.inference.worker.decoding.token_batches import SequencePool
from cds_hooks.inference.worker.prompt_cache.prefixes import PrefixCache

PART = list(range(20))
LOGITS = np.zeros(3, np.float32)


@dataclass
class States:
    """A context whose sequences are lists of tokens, ten bytes each when they are copied out."""

    held: dict[int, list[int]] = field(default_factory=dict)
    refuses: bool = False

    def state_size(self, seq: int) -> int:
        return 10 * len(self.held[seq])

    def state(self, seq: int) -> bytearray:
        return bytearray(b"".join(token.to_bytes(10) for token in self.held[seq]))

    def restore(self, seq: int, state: bytearray) -> bool:
        if self.refuses:
            return False
        tokens = [int.from_bytes(state[at : at + 10]) for at in range(0, len(state), 10)]
        self.held[seq] = tokens
        return True

    def fork(self, source: int, target: int) -> None:
        self.held[target] = list(self.held[source])

    def drop(self, seq: int, start: int = -1) -> bool:
        self.held[seq] = self.held.get(seq, [])[: max(start, 0)]
        return True


def make(
    *, slots: int = 2, max_bytes: int = 10_000, cuttable: bool = True, windows: bool = False
) -> tuple[PrefixCache, States]:
    states, pool = States(), SequencePool(20)
    pool.take(10)  # the sequences of jobs
    return PrefixCache(cast("Any", states), pool, slots, max_bytes, cuttable, windows), states


def evaluated(prefixes: PrefixCache, states: States, tokens: list[int]) -> None:
    """As a job does it: the part first and apart, then the whole prompt."""
    states.held[0] = PART
    prefixes.keep_part(0, PART)
    states.held[0] = tokens
    prefixes.keep_prompt(0, tokens, LOGITS)


@pytest.mark.parametrize("windows", [False, True])
def test_a_prompt_asked_again_comes_back_whole_with_its_logits(windows: bool) -> None:
    prefixes, states = make(windows=windows)
    evaluated(prefixes, states, [*PART, 50, 51])
    length, logits = prefixes.begin(7, [*PART, 50, 51], len(PART))
    assert (length, logits is LOGITS) == (22, True)
    assert states.held[7] == [*PART, 50, 51]


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize(("cuttable", "reused"), [(True, 21), (False, 20)])
def test_a_changed_chart_reuses_the_longest_beginning_that_can_be_cut(
    cuttable: bool, reused: int, windows: bool
) -> None:
    prefixes, states = make(cuttable=cuttable, windows=windows)
    evaluated(prefixes, states, [*PART, 50, 51])
    assert prefixes.begin(7, [*PART, 50, 99], len(PART)) == (reused, None)
    assert states.held[7] == [*PART, 50][:reused]


@pytest.mark.parametrize("windows", [False, True])
def test_the_oldest_prompts_go_and_the_system_part_stays(windows: bool) -> None:
    prefixes, states = make(slots=2, windows=windows)
    for last in (50, 60, 70):
        evaluated(prefixes, states, [*PART, last, last])
    assert prefixes.begin(7, [*PART, 50, 50], len(PART))[0] == len(PART)
    assert prefixes.begin(7, [*PART, 70, 70], len(PART))[0] == len(PART) + 2


def test_bytes_are_bounded_too() -> None:
    prefixes, states = make(slots=9, max_bytes=500)
    for last in (50, 60, 70):
        evaluated(prefixes, states, [*PART, last, last])
        assert prefixes.kept_bytes <= 500
    assert prefixes.begin(7, [*PART, 70, 70], len(PART))[0] == len(PART) + 2
    large, states = make(max_bytes=100)
    evaluated(large, states, [*PART, 50])
    assert large.kept_bytes == 0


def test_what_was_forgotten_or_is_not_taken_is_evaluated_anew() -> None:
    prefixes, states = make()
    evaluated(prefixes, states, [*PART, 50, 51])
    states.refuses = True
    assert prefixes.begin(7, [*PART, 50, 51], len(PART)) == (0, None)
    states.refuses = False
    prefixes.forget()
    assert prefixes.begin(7, [*PART, 50, 51], len(PART)) == (0, None)
    assert prefixes.kept_bytes == 0


def test_what_stays_in_the_context_makes_space_for_jobs() -> None:
    prefixes, states = make(slots=3, windows=True)
    for last in (50, 60):
        evaluated(prefixes, states, [*PART, last])
    assert (prefixes.sequences, prefixes.cells, prefixes.kept_bytes) == (3, 20 + 21 + 21, 0)
    prefixes.shrink(cells=50, sequences=0)
    assert (prefixes.sequences, prefixes.cells) == (2, 41)
    prefixes.shrink(cells=50, sequences=9)
    assert (prefixes.sequences, len(prefixes.pool)) == (1, 9)
    assert prefixes.begin(0, [*PART, 60], len(PART))[0] == len(PART)
    prefixes.forget()
    assert (prefixes.sequences, prefixes.cells, len(prefixes.pool)) == (0, 0, 10)


def test_copies_take_neither_cells_nor_sequences() -> None:
    prefixes, states = make()
    evaluated(prefixes, states, [*PART, 50])
    assert (prefixes.sequences, prefixes.cells, prefixes.kept_bytes) == (0, 0, 410)
    prefixes.shrink(cells=0, sequences=10)
    assert prefixes.kept_bytes == 410
