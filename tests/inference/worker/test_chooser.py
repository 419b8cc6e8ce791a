"""A draw over a whole vocabulary is the plain one's, for every way to cut and every mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.inference.worker.decoding.sampling import LogitsUnusable, Sampling, TokenSampler
from cds_hooks.inference.worker.decoding.token_mask import TokenMask

SIZE = 5000  # not a multiple of the chooser's columns
DRAWS = 3000
WAYS = [
    Sampling(1.0),
    Sampling(0.7),
    Sampling(0.2, top_p=0.9),
    Sampling(1.0, top_k=20),
    Sampling(1.0, top_k=400),
    Sampling(1.0, top_k=64, top_p=0.95),
    Sampling(1.0, top_p=0.95),
    Sampling(1.0, min_p=0.05),
    Sampling(1.5, top_k=20, top_p=0.8, min_p=0.1),
]


def _reference(logits: np.ndarray, allowed: np.ndarray, how: Sampling) -> np.ndarray:
    """The probability of every token: temperature, top-k, top-p, min-p, one after the other."""
    chance = np.where(allowed, np.exp((logits.astype(float) - logits.max()) / how.temperature), 0)
    order = np.argsort(-chance, kind="stable")
    if how.top_k:
        chance[order[how.top_k :]] = 0
    chance /= chance.sum()
    if how.top_p < 1:
        before = np.cumsum(chance[order]) - chance[order]
        chance[order[before >= how.top_p]] = 0
    chance[chance < how.min_p * chance.max()] = 0
    return chance / chance.sum()


def _mask(allowed: np.ndarray) -> TokenMask:
    return TokenMask.without(len(allowed), np.flatnonzero(~allowed))


@pytest.fixture(scope="module")
def logits() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 2.5, SIZE).astype(np.float32)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("share", [1.0, 0.6, 0.02])
def test_tokens_are_drawn_by_the_plain_probabilities(
    logits: np.ndarray, how: Sampling, share: float
) -> None:
    """Pearson's chi-square over the 40 likeliest and the rest; 1 in 10,000 fails by chance, but
    the seeds are fixed."""
    allowed = np.random.default_rng(5).random(SIZE) < share
    chance = _reference(logits, allowed, how)
    chooser, mask, random = TokenSampler(SIZE), _mask(allowed), np.random.default_rng(11)
    drawn = [chooser.draw(logits, mask, how, random) for _ in range(DRAWS)]
    seen = np.bincount(drawn, minlength=SIZE)
    assert not seen[chance == 0].any()
    most = np.argsort(-chance)[:40]
    most = most[chance[most] * DRAWS >= 5]
    expected = np.append(chance[most], 1 - chance[most].sum()) * DRAWS
    found = np.append(seen[most], DRAWS - seen[most].sum())
    kept = expected > 1e-6
    statistic = float((((found - expected) ** 2)[kept] / expected[kept]).sum())
    freedom = max(int(kept.sum()) - 1, 1)
    bound = freedom * (1 - 2 / (9 * freedom) + 3.72 * (2 / (9 * freedom)) ** 0.5) ** 3
    assert statistic <= bound  # Wilson and Hilferty 1931, doi:10.1073/pnas.17.12.684


@pytest.mark.parametrize("how", [Sampling(1.0, top_p=0.9), Sampling(1.0, min_p=0.5)])
def test_more_than_the_heaviest_few_are_drawn_where_all_are_as_likely(how: Sampling) -> None:
    chooser, random = TokenSampler(SIZE), np.random.default_rng(2)
    mask = _mask(np.ones(SIZE, bool))
    drawn = {chooser.draw(np.zeros(SIZE, np.float32), mask, how, random) for _ in range(2000)}
    assert len(drawn) > 1000


@pytest.mark.parametrize("how", [Sampling(0), Sampling(1.0, top_k=1), Sampling(1.0, top_p=1e-9)])
def test_the_likeliest_allowed_token_is_taken_and_of_equals_the_lower(how: Sampling) -> None:
    logits = np.zeros(SIZE, np.float32)
    logits[[7, 4100, 4200]] = 9, 5, 5
    allowed = np.ones(SIZE, bool)
    allowed[7] = False
    assert TokenSampler(SIZE).draw(logits, _mask(allowed), how, np.random.default_rng(0)) == 4100


@pytest.mark.parametrize("how", [*WAYS, Sampling(0)])
@pytest.mark.parametrize("share", [1.0, 0.02])
def test_nothing_is_drawn_from_what_is_no_number(how: Sampling, share: float) -> None:
    mask = _mask(np.random.default_rng(5).random(SIZE) < share)
    with pytest.raises(LogitsUnusable):
        TokenSampler(SIZE).draw(
            np.full(SIZE, np.nan, np.float32), mask, how, np.random.default_rng(0)
        )


@pytest.mark.parametrize("how", WAYS)
def test_one_draw_leaves_nothing_behind_for_the_next(logits: np.ndarray, how: Sampling) -> None:
    """One chooser serves all samples in turn, and the logits are llama.cpp's."""
    all_of_them = _mask(np.ones(SIZE, bool))
    used, before = TokenSampler(SIZE), logits.copy()
    for other in WAYS:
        used.draw(logits - 50, all_of_them, other, np.random.default_rng(1))
    draws = [
        [chooser.draw(logits - 50, all_of_them, how, random) for _ in range(20)]
        for chooser, random in (
            (used, np.random.default_rng(4)),
            (TokenSampler(SIZE), np.random.default_rng(4)),
        )
    ]
    assert draws[0] == draws[1]
    assert np.array_equal(logits, before)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), size=st.integers(1, 300))
def test_a_mask_holds_what_it_is_made_of(data: st.DataObject, size: int) -> None:
    tokens = st.integers(0, size - 1)
    without = data.draw(st.sets(tokens))
    forbidden = data.draw(st.sets(tokens))
    asked = np.array(sorted(data.draw(st.sets(tokens))), np.intp)
    mask = TokenMask.without(size, np.array(sorted(without), np.intp))
    mask.forbid(forbidden)
    left = sorted(set(range(size)) - without - forbidden)
    assert mask.ids().tolist() == left
    assert mask.count == len(left)
    assert mask.among(asked).tolist() == [token for token in asked if token in left]
