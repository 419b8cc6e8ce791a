"""One token is drawn from logits, reproducibly and by the probabilities asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.worker.decoding.sampling import Sampling, choose, log_total

_LOGITS = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))


def _shares(how: Sampling, draws: int = 4000) -> np.ndarray:
    random = np.random.default_rng(7)
    found = [choose(_LOGITS, how, random) for _ in range(draws)]
    return np.bincount(found, minlength=4) / draws


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Sampling(1.0), [0.5, 0.3, 0.15, 0.05]),
        (Sampling(0.0), [1, 0, 0, 0]),
        (Sampling(1.0, top_k=2), [0.625, 0.375, 0, 0]),
        (Sampling(1.0, top_p=0.8), [0.625, 0.375, 0, 0]),
        (Sampling(1.0, top_p=0.81), [0.526, 0.316, 0.158, 0]),
        (Sampling(1.0, min_p=0.5), [0.625, 0.375, 0, 0]),
        (Sampling(0.5), [0.685, 0.247, 0.062, 0.007]),
        (Sampling(1.0, top_p=0.01), [1, 0, 0, 0]),
    ],
)
def test_tokens_are_drawn_by_probability(how: Sampling, expected: list[float]) -> None:
    assert _shares(how) == pytest.approx(expected, abs=0.03)


@given(
    values=st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=50),
    how=st.builds(
        Sampling,
        temperature=st.floats(0, 2),
        top_p=st.floats(0.01, 1),
        top_k=st.integers(0, 60),
        min_p=st.floats(0, 0.99),
    ),
    seed=st.integers(0, 2**32),
)
def test_the_same_seed_draws_the_same_token(values: list[float], how: Sampling, seed: int) -> None:
    logits = np.array(values, np.float32)
    one = choose(logits, how, np.random.default_rng(seed))
    assert one == choose(logits.copy(), how, np.random.default_rng(seed))
    assert 0 <= one < len(values)


def test_ties_go_to_the_lower_index() -> None:
    assert choose(np.zeros(5, np.float32), Sampling(0), np.random.default_rng(0)) == 0


def test_log_probabilities_sum_to_one() -> None:
    assert log_total(_LOGITS + 30) == pytest.approx(30)
