"""What the agreement of samples and models tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Votes", "votes"]


@dataclass(frozen=True, slots=True)
class Votes:
    """How often a diagnosis was named: by model the share of that model's samples, 0 to 1."""

    by_model: Mapping[str, float]

    @property
    def share(self) -> float:
        """The mean over models: each model counts once, however many samples it gave. With one
        model this is the share of samples."""
        return sum(self.by_model.values()) / len(self.by_model) if self.by_model else 0.0

    @property
    def models(self) -> float:
        """The share of models that named it at all."""
        named = sum(share > 0 for share in self.by_model.values())
        return named / len(self.by_model) if self.by_model else 0.0


def votes(named: Sequence[bool], models: Sequence[str]) -> Votes:
    """Votes from what each sample did and which model it came from, in the same order."""
    by_model: dict[str, list[bool]] = {}
    for did, model in zip(named, models, strict=True):
        by_model.setdefault(model, []).append(did)
    return Votes({m: sum(found) / len(found) for m, found in by_model.items()})
