"""Cases that two suites share, found by their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.suites.leaks import content_words
from cds_hooks.evaluation.suites.similarity import vectors
from cds_hooks.evaluation.suites.suite import EvaluationCase, Suite

__all__ = ["ALIKE", "DuplicatePair", "near_duplicates", "shared_cases"]

ALIKE = 0.5
"""The cosine from which two cases are looked at."""


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two cases that are alike; `same_answer` makes them near-duplicates."""

    first: str
    second: str
    cosine: float
    same_answer: bool


def near_duplicates(
    first: Suite, second: Suite, *, alike: float = ALIKE
) -> tuple[DuplicatePair, ...]:
    """Pairs of cases of two suites (or of one with itself), most alike first.

    Before anything is fitted on one suite and measured on the other, take these cases out.
    """
    words = [content_words(c.text) for c in (*first.cases, *second.cases)]
    table = vectors(words)
    split = len(first.cases)
    cosines = table[:split] @ table[split:].T
    found = [
        _pair(first.cases[i], second.cases[j], float(cosines[i, j]))
        for i, j in np.argwhere(cosines >= alike).tolist()
        if first is not second or i < j
    ]
    return tuple(sorted(found, key=lambda p: (-p.cosine, p.first, p.second)))


def shared_cases(pairs: Sequence[DuplicatePair]) -> frozenset[str]:
    """The ids, of either suite, of cases that are alike and have the same answer."""
    return frozenset(i for p in pairs if p.same_answer for i in (p.first, p.second))


def _pair(one: EvaluationCase, other: EvaluationCase, cosine: float) -> DuplicatePair:
    return DuplicatePair(one.id, other.id, round(cosine, 4), bool(_keys(one) & _keys(other)))


def _keys(case: EvaluationCase) -> set[str]:
    return {label_key(name) for name in case.gold.names}
