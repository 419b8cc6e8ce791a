"""What a verdict is worth: how often a diagnosis with it was the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.metrics.figures import Figure, proportion

__all__ = ["VerdictRow", "verdict_confusion"]


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """The diagnoses that were given one verdict; `true` is the share of them that is the truth."""

    verdict: Verdict
    right: int
    wrong: int
    true: Figure


def verdict_confusion(judged: Iterable[tuple[Verdict, bool]]) -> tuple[VerdictRow, ...]:
    """One row a verdict, best first, also where nothing was given it."""
    counts = {v: [0, 0] for v in Verdict}
    for verdict, right in judged:
        counts[verdict][0 if right else 1] += 1
    return tuple(
        VerdictRow(v, right, wrong, proportion(right, right + wrong))
        for v, (right, wrong) in counts.items()
    )
