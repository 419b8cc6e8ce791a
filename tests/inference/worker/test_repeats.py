"""Free text of one sample does not loop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.worker.decoding.repeats import Repeats


@given(tokens=st.lists(st.integers(0, 3), max_size=80), size=st.integers(1, 4))
def test_no_run_comes_twice_when_banned_tokens_are_left_out(tokens: list[int], size: int) -> None:
    repeats = Repeats(size)
    written: list[int] = []
    for token in tokens:
        if token not in repeats.banned():
            repeats.add(token)
            written.append(token)
    runs = [tuple(written[at : at + size]) for at in range(len(written) - size + 1)]
    assert len(runs) == len(set(runs))


def test_runs_do_not_go_from_one_string_into_the_next() -> None:
    repeats = Repeats(2)
    for token in (1, 2):
        repeats.add(token)
    repeats.pause()
    assert repeats.banned() == set()
    repeats.add(1)
    assert repeats.banned() == {2}


def test_size_zero_forbids_nothing() -> None:
    repeats = Repeats(0)
    for token in (1, 1, 1):
        repeats.add(token)
    assert repeats.banned() == set()
