"""Two runs over the same cases, compared case by case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cds_hooks.evaluation.metrics.figures import Figure, proportion

__all__ = ["Paired", "compare", "mcnemar"]


@dataclass(frozen=True, slots=True)
class Paired:
    """Both runs on the cases they share; `p` is the exact McNemar probability, two-sided.

    `only_first` are the cases that the first run alone got right.
    """

    first: Figure
    second: Figure
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    p: float

    @property
    def n(self) -> int:
        return self.first.n


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided probability that two runs of equal worth differ at least so much.

    Q. McNemar, Psychometrika 1947;12:153-157: of the cases that one run alone got right, each
    falls to either run like a coin. No such case: 1.
    """
    n, least = only_first + only_second, min(only_first, only_second)
    if least < 0:
        raise ValueError("counts are not negative")
    tail: int = sum(math.comb(n, i) for i in range(least + 1))
    # Whole numbers until the last step: exact, and no overflow however many cases.
    return min(1.0, 2 * tail / (1 << n))


def compare(first: Mapping[str, bool], second: Mapping[str, bool]) -> Paired:
    """Compare by case id; cases that only one run holds are left out."""
    shared = [case for case in first if case in second]
    one = tuple(c for c in shared if first[c] and not second[c])
    two = tuple(c for c in shared if second[c] and not first[c])
    return Paired(
        first=proportion(sum(first[c] for c in shared), len(shared)),
        second=proportion(sum(second[c] for c in shared), len(shared)),
        only_first=one,
        only_second=two,
        p=mcnemar(len(one), len(two)),
    )
