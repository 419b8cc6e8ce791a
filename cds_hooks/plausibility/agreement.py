"""What the agreement of samples and models tells, and sets that hold the truth at a chosen rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.consultation import Assessment

__all__ = ["Votes", "inside", "threshold", "votes"]


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

    @property
    def unanimous(self) -> bool:
        """Every sample of every model named it."""
        return bool(self.by_model) and all(share >= 1 for share in self.by_model.values())


def votes(named: Sequence[bool], models: Sequence[str]) -> Votes:
    """Votes from what each sample did and which model it came from, in the same order."""
    by_model: dict[str, list[bool]] = {}
    for did, model in zip(named, models, strict=True):
        by_model.setdefault(model, []).append(did)
    return Votes({m: sum(found) / len(found) for m, found in by_model.items()})


def threshold(agreements_of_truth: Sequence[float], error: float) -> float:
    """The lowest agreement a diagnosis must have to be in the set, by split conformal prediction.

    `agreements_of_truth` are the agreements the true diagnosis had in calibration cases (0 where
    it was not named); with exchangeable cases a set of all diagnoses at or above the threshold
    misses the truth in at most `error` of new cases. 0 means that no threshold can promise it.
    Source: Angelopoulos AN, Bates S. Conformal prediction: a gentle introduction. Found Trends
    Mach Learn 2023;16:494-591.
    """
    if not 0 < error < 1:
        raise ValueError("error is a share between 0 and 1")
    size = len(agreements_of_truth)
    rank = math.floor((size + 1) * error)
    return sorted(agreements_of_truth)[rank - 1] if 1 <= rank <= size else 0.0


def inside(assessments: Sequence[Assessment], least: float) -> tuple[Assessment, ...]:
    """The assessments whose agreement is at least `least`, in their order."""
    return tuple(a for a in assessments if a.agreement >= least)
