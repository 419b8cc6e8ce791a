"""Whether disagreement tells which answers are wrong, measured on cases it was not tuned on.

An answer is flagged when its agreement is below a threshold. In each of many random splits the
threshold (and, where asked, the panel) is chosen on one half of the cases and judged on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cds_hooks.evaluation.metrics import Ballot, Figure, auprc, auroc, calibration, majority
from cds_hooks.evaluation.metrics.curves import CalibrationCurve, area_under_roc
from cds_hooks.evaluation.metrics.figures import Floats
from cds_hooks.evaluation.research.catalogue import RecordedModel
from cds_hooks.evaluation.research.paper import ballots
from cds_hooks.evaluation.research.recording import Recording, votes_of
from cds_hooks.plausibility.agreement.conformal import calibrate, conformal_set

__all__ = [
    "Conformal",
    "FlagExperiment",
    "PanelScores",
    "agreement",
    "always",
    "best_of_families",
    "choose_threshold",
    "conformal_experiment",
    "flag_experiment",
    "score_panel",
]

Indices = NDArray[np.int64]
Choose = Callable[[Indices], "PanelScores"]

_TARGET = 0.95
_COVERAGE = 0.65
_SPLITS = 500


@dataclass(frozen=True, slots=True)
class PanelScores:
    """A panel's winner per case: how agreed it is (0 to 1), whether it is right, and how much of
    the vote the truth has. All cases of the recording, in its order."""

    agreement: Floats
    share: Floats
    right: Floats
    truth_share: Floats
    ballots: tuple[Ballot, ...]
    truths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlagExperiment:
    """`auroc`, `auprc` and `calibration` over all cases (nothing is fitted for them); the others
    over the halves that nothing was chosen on: the mean over splits, and the range that holds 95 %
    of the splits. `reached` is the share of splits with at least 95 % accuracy on at least 65 %
    of the cases unflagged; `none` that of splits in which no threshold was strict enough."""

    auroc: Figure
    plain_auroc: Figure
    auprc: Figure
    calibration: CalibrationCurve
    held_out_auroc: Figure
    accuracy: Figure
    coverage: Figure
    reached: float
    none: float


@dataclass(frozen=True, slots=True)
class Conformal:
    """Sets at one error rate, over the halves they were not calibrated on.

    `unbounded` is the share of splits in which no set short of every diagnosis would do; such a
    set holds the truth by saying nothing, and counts so in `coverage` and not in `size`.
    """

    error: float
    coverage: Figure
    size: Figure
    unbounded: float


def agreement(ballot: Ballot) -> float:
    """How agreed a panel is on its winner: half its share of the votes, half its share of models.

    Models that disagree so weigh more than samples that do. Fixed, not fitted: weights fitted on
    a hundred cases did worse on the next hundred.
    """
    return (ballot.share + ballot.backing(ballot.winner)) / 2


def score_panel(recording: Recording, models: Sequence[RecordedModel]) -> PanelScores:
    """A panel's votes as numbers. Every case must have a vote."""
    voted = ballots(recording, models)
    truths = [c.truth for c, _ in voted]
    cast = [b for _, b in voted]
    return PanelScores(
        agreement=np.array([agreement(b) for b in cast]),
        share=np.array([b.share for b in cast]),
        right=np.array([float(b.winner == t) for b, t in zip(cast, truths, strict=True)]),
        truth_share=np.array([b.shares().get(t, 0.0) for b, t in zip(cast, truths, strict=True)]),
        ballots=tuple(cast),
        truths=tuple(truths),
    )


def best_of_families(recording: Recording, models: Sequence[RecordedModel]) -> Choose:
    """Chooses, on the cases it is shown, the model of best majority in each family."""
    right = {
        m.id: np.array([majority(votes_of(c, m)) == c.truth for c in recording.cases])
        for m in models
    }
    by_id = {m.id: m for m in models}
    families = list(dict.fromkeys(m.family for m in models))

    @cache
    def scored(ids: tuple[str, ...]) -> PanelScores:
        return score_panel(recording, [by_id[i] for i in ids])

    def choose(half: Indices) -> PanelScores:
        best = (
            max((m.id for m in models if m.family == f), key=lambda i: float(right[i][half].mean()))
            for f in families
        )
        return scored(tuple(best))

    return choose


def always(scored: PanelScores) -> Choose:
    """A panel that was chosen before looking."""
    return lambda _: scored


def choose_threshold(scores: Floats, right: Floats, *, target: float = _TARGET) -> float:
    """The least agreement at which the unflagged would still be `target` right with one error more
    than was seen (A. N. Angelopoulos et al., Conformal Risk Control, arXiv 2208.02814). Infinite
    when there is none: everything is flagged."""
    for threshold in np.unique(scores):
        kept = right[scores >= threshold]
        if (len(kept) - kept.sum() + 1) / (len(kept) + 1) <= 1 - target + 1e-9:
            return float(threshold)
    return float("inf")


def flag_experiment(
    choose: Choose, n: int, *, splits: int = _SPLITS, seed: int = 0, target: float = _TARGET
) -> FlagExperiment:
    """Repeat: choose on one half, judge on the other. `n` is the number of cases."""
    judged = np.array([_judge(choose, halves, target) for halves in _halves(n, splits, seed)])
    whole = choose(np.arange(n))
    held_out, accuracy, coverage = judged.T
    met = (accuracy >= target) & (coverage >= _COVERAGE)
    right = [bool(r) for r in whole.right]
    return FlagExperiment(
        auroc=auroc(whole.agreement.tolist(), right),
        plain_auroc=auroc(whole.share.tolist(), right),
        auprc=auprc((1 - whole.agreement).tolist(), [not r for r in right]),
        calibration=calibration(whole.share.tolist(), right),
        held_out_auroc=_over_splits(held_out, n // 2),
        accuracy=_over_splits(accuracy, n // 2),
        coverage=_over_splits(coverage, n // 2),
        reached=float(met.mean()),
        none=float((coverage == 0).mean()),
    )


def conformal_experiment(
    scored: PanelScores, error: float, *, splits: int = _SPLITS, seed: int = 0
) -> Conformal:
    """Sets calibrated on one half: how often they hold the truth of the other, and their size."""
    judged = [_hold(scored, halves, error) for halves in _halves(len(scored.right), splits, seed)]
    half = len(scored.right) // 2
    sizes = np.array([size for _, size in judged])
    return Conformal(
        error=error,
        coverage=_over_splits(np.array([held for held, _ in judged]), half),
        size=_over_splits(sizes, half),
        unbounded=float(np.isnan(sizes).mean()),
    )


def _hold(
    scored: PanelScores, halves: tuple[Indices, Indices], error: float
) -> tuple[float, float]:
    """The share of sets that hold the truth, and their mean size; without bounds 1 and NaN."""
    first, second = halves
    share = calibrate(scored.truth_share[first].tolist(), error)
    sets = [conformal_set(scored.ballots[i].shares(), share) for i in second]
    bounded = [(s, scored.truths[i]) for s, i in zip(sets, second, strict=True) if s is not None]
    if not bounded:
        return 1.0, float("nan")
    held = sum(truth in s for s, truth in bounded)
    return held / len(bounded), sum(len(s) for s, _ in bounded) / len(bounded)


def _halves(n: int, splits: int, seed: int) -> list[tuple[Indices, Indices]]:
    random = np.random.default_rng(seed)
    drawn = [random.permutation(n) for _ in range(splits)]
    return [(d[: n // 2], d[n // 2 :]) for d in drawn]


def _judge(
    choose: Choose, halves: tuple[Indices, Indices], target: float
) -> tuple[float, float, float]:
    first, second = halves
    scored = choose(first)
    threshold = choose_threshold(scored.agreement[first], scored.right[first], target=target)
    scores, right = scored.agreement[second], scored.right[second]
    kept = right[scores >= threshold]
    accuracy = float(kept.mean()) if len(kept) else float("nan")
    return area_under_roc(scores, right), accuracy, len(kept) / len(second)


def _over_splits(values: Floats, n: int) -> Figure:
    known = values[~np.isnan(values)]
    if not len(known):
        return Figure(float("nan"), n, float("nan"), float("nan"), "no split")
    low, high = np.percentile(known, [2.5, 97.5])
    return Figure(
        float(known.mean()), n, float(low), float(high), f"95 % of {len(known)} random halves"
    )
