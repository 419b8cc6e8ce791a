"""Names as a trie over token ids: every name can be written, nothing else, none twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.worker.decoding.name_search import NameChoice, RankedName, mix, shuffled
from cds_hooks.inference.worker.decoding.name_trie import (
    NameTrie,
    build_trie,
    load_trie,
    read_names,
)
from cds_hooks.inference.worker.decoding.sampling import Sampling

_ENDS = np.array([0])
_lists = st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=15, unique=True).map(
    lambda names: [(name, f"c{len(name)}") for name in names]
)


def _letters(names: Sequence[str]) -> list[list[int]]:
    return [[ord(letter) - ord("a") + 1 for letter in name] for name in names]


def _spell(tokens: list[int]) -> str:
    return "".join(chr(token - 1 + ord("a")) for token in tokens)


@given(names=_lists)
def test_a_trie_holds_exactly_its_names(names: list[tuple[str, str]]) -> None:
    trie = build_trie(names, _letters)
    assert trie.sound(vocabulary=4)
    assert [_spell(trie.path(number)) for number in range(len(names))] == [n for n, _ in names]
    assert int(trie.below[0]) == len(names)
    assert sorted(int(n) for n in trie.leaf[trie.leaf >= 0]) == list(range(len(names)))


@given(names=_lists, seed=st.integers(0, 2**32))
def test_drawing_writes_each_concept_once_and_only_names(
    names: list[tuple[str, str]], seed: int
) -> None:
    trie = build_trie(names, _letters)
    random = np.random.default_rng(seed)
    choice = NameChoice(trie)
    concepts = dict(names)
    seen = []
    while not choice.exhausted():
        seen.append(_draw(choice, random))
    assert {concepts[name] for name in seen} == set(concepts.values())
    assert len(seen) == len(set(concepts.values()))


def _draw(choice: NameChoice, random: np.random.Generator) -> str:
    choice.node = 0
    written: list[int] = []
    while True:
        logits = random.normal(size=4).astype(np.float32)
        token = choice.draw(logits, _ENDS, Sampling(1.0), random)
        if token is None:
            return _spell(written)
        written.append(token)


def test_the_order_is_taken_first_and_each_concept_once() -> None:
    trie = build_trie([("ab", "x"), ("b", "y"), ("c", "x")], _letters)
    choice = NameChoice(trie, order=[2, 0, 1])
    assert choice.next_listed() == _letters(["c"])[0]
    assert choice.next_listed() == _letters(["b"])[0]
    assert choice.next_listed() is None
    assert choice.exhausted()


def test_lists_are_mixed_by_concept_and_probability() -> None:
    concept = np.array([0, 1, 0], np.int32)
    one = [RankedName(0, np.log(0.4)), RankedName(1, np.log(0.5))]
    two = [RankedName(2, np.log(0.6))]
    mixed = mix([one, two], concept)
    assert [name.leaf for name in mixed] == [2, 1]
    assert np.exp(mixed[0].score) == pytest.approx(0.5)
    assert np.exp(mixed[1].score) == pytest.approx(0.25)


def test_an_order_is_drawn_by_probability_and_kept_at_temperature_zero() -> None:
    names = [RankedName(0, np.log(0.7)), RankedName(1, np.log(0.2)), RankedName(2, np.log(0.1))]
    random = np.random.default_rng(1)
    assert shuffled(names, 0, random) == [0, 1, 2]
    firsts = [shuffled(names, 1.0, random)[0] for _ in range(2000)]
    assert np.bincount(firsts) / 2000 == pytest.approx([0.7, 0.2, 0.1], abs=0.04)


def test_names_are_read_one_a_line_with_their_concept(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text(
        '# comment\nGout\tD006073\n\n  Asthma \nbad "quote"\nback\\slash\nGout\n', "utf-8"
    )
    assert read_names(path) == [("Gout", "D006073"), ("Asthma", "asthma")]


def test_the_cache_is_used_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("ab\tx\nb\ty\n", "utf-8")
    cache = tmp_path / "cache"

    def load(tokenize: object = _letters) -> NameTrie:
        return load_trie(names, tokenize, key="m", vocabulary=4, cache=cache)  # type: ignore[arg-type]

    first = load()

    def refuse(_names: Sequence[str]) -> list[list[int]]:
        raise AssertionError("the cache was not used")

    again = load(refuse)
    assert np.array_equal(first.token, again.token)
    (stored,) = cache.iterdir()
    for damage in (b"", b"PK\3\4 not a zip", stored.read_bytes()[:-40]):
        stored.write_bytes(damage)
        assert np.array_equal(load().leaf, first.leaf)
    assert load(refuse).sound(vocabulary=4)


def test_other_names_do_not_meet_the_old_cache(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    for text in ("ab", "ab\nc"):
        names.write_text(text, "utf-8")
        trie = load_trie(names, _letters, key="m", vocabulary=4, cache=tmp_path / "cache")
        assert int(trie.below[0]) == len(text.split())
