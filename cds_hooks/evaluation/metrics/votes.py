"""What several answers to one case have in common: of one model's runs, or of a panel of models.

An answer is a key that is equal for equal answers; None is a run that gave none, which is an
answer like any other to a vote but never a right one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Ballot", "Ties", "majority", "plurality"]

Vote = str | None


class Ties(StrEnum):
    """What a vote without a winner counts as."""

    WRONG = "no answer, so wrong"
    FIRST = "the answer given first"


def plurality(votes: Iterable[Vote]) -> Vote:
    """The answer given most often; of equals the one given first."""
    counts = Counter(votes)
    return max(counts, key=lambda v: counts[v], default=None)


def majority(votes: Sequence[Vote], *, ties: Ties = Ties.WRONG) -> Vote:
    """The answer of more than half of the votes. Without one: none, or the plurality."""
    first = plurality(votes)
    if ties is Ties.FIRST or 2 * list(votes).count(first) > len(votes):
        return first
    return None


@dataclass(frozen=True, slots=True)
class Ballot:
    """The votes of a panel on one case: the runs of each model, in the panel's order."""

    runs: Mapping[str, tuple[Vote, ...]]

    @property
    def votes(self) -> tuple[Vote, ...]:
        return tuple(v for votes in self.runs.values() for v in votes)

    @property
    def winner(self) -> Vote:
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
        return frozenset(v for v in self.votes if v is not None)

    def shares(self) -> dict[str, float]:
        """The share of votes of each answer."""
        return {v: self.votes.count(v) / len(self.votes) for v in self.union}

    def backing(self, answer: Vote) -> float:
        """The share of models whose own plurality is this answer: models, not samples."""
        own = [plurality(votes) for votes in self.runs.values()]
        return own.count(answer) / len(own)

    def steadiness(self, answer: Vote) -> float:
        """How much of each model's runs stood behind it where the model chose it; 0 if none did."""
        held = [r.count(answer) / len(r) for r in self.runs.values() if plurality(r) == answer]
        return sum(held) / len(held) if held else 0.0
