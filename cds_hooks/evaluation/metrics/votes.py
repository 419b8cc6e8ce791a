"""What several answers to one case have in common: of one model's runs, or of a panel of models.

An answer is a key that is equal for equal answers; "" is a run that answered nothing, which is a
vote like any other and never a right one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Ballot", "Ties", "majority", "plurality"]


class Ties(StrEnum):
    """What a vote without a winner counts as."""

    WRONG = "no answer, so wrong"
    FIRST = "the answer given first"


def plurality(votes: Iterable[str]) -> str:
    """The answer given most often; of equals the one given first."""
    counts = Counter(votes)
    return max(counts, key=lambda v: counts[v], default="")


def majority(votes: Sequence[str], *, ties: Ties = Ties.WRONG) -> str:
    """The answer of more than half of the votes. Without one: "", or the plurality."""
    first = plurality(votes)
    if ties is Ties.FIRST or 2 * list(votes).count(first) > len(votes):
        return first
    return ""


@dataclass(frozen=True, slots=True)
class Ballot:
    """The votes of a panel on one case: the runs of each model, in the panel's order."""

    runs: Mapping[str, tuple[str, ...]]

    @property
    def votes(self) -> tuple[str, ...]:
        return tuple(v for votes in self.runs.values() for v in votes)

    @property
    def winner(self) -> str:
        """The plurality of all votes."""
        return plurality(self.votes)

    @property
    def share(self) -> float:
        """The share of all votes that the winner has."""
        return self.votes.count(self.winner) / len(self.votes)

    @property
    def unanimous(self) -> bool:
        return len(set(self.votes)) == 1

    @property
    def union(self) -> frozenset[str]:
        """Every answer that anybody gave."""
        return frozenset(v for v in self.votes if v)

    def shares(self) -> dict[str, float]:
        """The share of votes of each answer."""
        return {v: self.votes.count(v) / len(self.votes) for v in self.union}

    def backing(self, answer: str) -> float:
        """The share of models whose own plurality is this answer: models, not samples."""
        own = [plurality(votes) for votes in self.runs.values()]
        return own.count(answer) / len(own)
