"""What a verifier's file reaches on cases that it has not seen, beside what needs no verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.evaluation.metrics import (
    CalibrationCurve,
    Figure,
    Paired,
    auroc,
    calibration,
    compare,
    mean,
    proportion,
)
from cds_hooks.evaluation.trained_cases import TrainedCase
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.evaluation.verifier.parts import seen_by
from cds_hooks.evaluation.verifier.votes import bound, plurality_pick, rules_pick
from cds_hooks.verifier import CoefficientFile, RankedList, rank_by_coefficients

__all__ = ["Measured", "MeasuredSet", "measure"]


@dataclass(frozen=True, slots=True)
class MeasuredSet:
    """Sets of one risk; None where no threshold reaches it."""

    risk: str
    coverage: Figure | None
    size: Figure | None


@dataclass(frozen=True, slots=True)
class Measured:
    """First choices that are right, by method; `best` is the bound. `against_vote` is paired by
    case. `area` tells right first choices from wrong ones, `curve` is of their probabilities (None
    without any). `unpromised` is the number of cases in which only the order could be told."""

    cases: int
    verifier: Figure
    rules: Figure
    vote: Figure
    best: Figure
    against_vote: Paired
    area: Figure
    curve: CalibrationCurve | None
    sets: tuple[MeasuredSet, ...]
    unpromised: int


def measure(file: CoefficientFile, cases: Sequence[LabelledCase]) -> Measured:
    """Raises TrainedCase when the file was fitted or calibrated on a case or its patient."""
    if seen := seen_by(file, cases):
        raise TrainedCase(
            f"the verifier was fitted or calibrated on {len(seen)} of {len(cases)} cases",
            hint="Measure it on its unseen cases (--unseen) or on others.",
        )
    ranked = [rank_by_coefficients(file, c.evidence) for c in cases]
    firsts = [next(iter(r.order), None) for r in ranked]
    right = [_right(c, i) for c, i in zip(cases, firsts, strict=True)]
    vote = [_right(c, plurality_pick(c)) for c in cases]
    scored = [(r.ranked[0].score, ok) for r, ok in zip(ranked, right, strict=True) if r.ranked]
    return Measured(
        cases=len(cases),
        verifier=_share(right),
        rules=_share([_right(c, rules_pick(c)) for c in cases]),
        vote=_share(vote),
        best=_share([bound(c) for c in cases]),
        against_vote=compare(_by_case(cases, right), _by_case(cases, vote)),
        area=auroc([s for s, _ in scored], [ok for _, ok in scored]),
        curve=_curve(ranked, right),
        sets=tuple(_set(risk, cases, ranked) for risk in sorted(file.conformal, key=float)),
        unpromised=sum(bool(r.ranked) and r.ranked[0].probability is None for r in ranked),
    )


def _right(case: LabelledCase, index: int | None) -> bool:
    return index is not None and case.right[index]


def _share(right: Sequence[bool]) -> Figure:
    return proportion(sum(right), len(right))


def _by_case(cases: Sequence[LabelledCase], right: Sequence[bool]) -> dict[str, bool]:
    return {c.case: r for c, r in zip(cases, right, strict=True)}


def _curve(ranked: Sequence[RankedList], right: Sequence[bool]) -> CalibrationCurve | None:
    told = [
        (r.ranked[0].probability, ok)
        for r, ok in zip(ranked, right, strict=True)
        if r.ranked and r.ranked[0].probability is not None
    ]
    stated = [p for p, _ in told if p is not None]
    return calibration(stated, [ok for _, ok in told]) if told else None


def _set(risk: str, cases: Sequence[LabelledCase], ranked: Sequence[RankedList]) -> MeasuredSet:
    sets = [(c, r.sets.get(risk)) for c, r in zip(cases, ranked, strict=True)]
    told = [(c, s) for c, s in sets if s is not None]
    if not told:
        return MeasuredSet(risk, None, None)
    return MeasuredSet(
        risk=risk,
        coverage=_share([any(c.right[i] for i in s) for c, s in told]),
        size=mean([float(len(s)) for _, s in told]),
    )
