"""The published accuracy table, made again from the recorded answers.

Closed-list accuracy: one diagnosis picked from a list that holds the right one. It is not what a
card does, and is never reported as if it were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.metrics import (
    Ballot,
    Figure,
    Paired,
    Ties,
    auroc,
    compare,
    majority,
    mean,
    pass_at_k,
    proportion,
)
from cds_hooks.evaluation.research.alignment import off_list
from cds_hooks.evaluation.research.catalogue import RecordedModel, RecordedPanel
from cds_hooks.evaluation.research.recording import Recorded, Recording, votes_of

__all__ = [
    "ListRow",
    "PanelRow",
    "ModelRow",
    "ballots",
    "compare_models",
    "list_row",
    "panel_row",
    "row",
]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model on the cases that have answers of it.

    `majority` counts a vote without a majority as wrong; `split` (the cases whose runs do not all
    agree) takes the first answer there, as the published figures do. `off_list` is the share of
    runs that answered something not on the list, before any mapping.
    """

    model: RecordedModel
    majority: Figure
    any: Figure
    agree: Figure
    split: Figure
    off_list: Figure
    without_majority: int


@dataclass(frozen=True, slots=True)
class PanelRow:
    """A panel that votes with all its runs; `auroc` is of the winner's vote share for being right;
    `size` is the mean number of different answers, `union` how often the truth is one of them."""

    panel: RecordedPanel
    plurality: Figure
    agree: Figure
    split: Figure
    auroc: Figure
    union: Figure
    size: Figure


@dataclass(frozen=True, slots=True)
class ListRow:
    """What the lists alone give: their mean length, a uniform guess, always the first option."""

    length: Figure
    uniform: Figure
    first: Figure


def row(recording: Recording, model: RecordedModel) -> ModelRow:
    """Every column of the accuracy table for one model."""
    cases = _cases_answered_by(recording, model)
    agreeing = [c for c in cases if len(set(votes_of(c, model))) == 1]
    split = [c for c in cases if len(set(votes_of(c, model))) > 1]
    runs = len(model.columns)
    hits = [votes_of(c, model).count(c.truth) for c in cases]
    off = sum(len(off_list(c, model)) for c in cases)
    return ModelRow(
        model=model,
        majority=proportion(sum(_right(c, model) for c in cases), len(cases)),
        any=pass_at_k(hits, [runs] * len(cases), runs),
        agree=_accuracy(agreeing, model),
        split=_accuracy(split, model),
        off_list=proportion(off, runs * len(cases)),
        without_majority=sum(not majority(votes_of(c, model)) for c in cases),
    )


def ballots(recording: Recording, models: Sequence[RecordedModel]) -> list[tuple[Recorded, Ballot]]:
    """Each case with the panel's votes; a run whose answer is lost does not vote."""
    made = []
    for case in recording.cases:
        runs = {m.id: votes_of(case, m) for m in models}
        present = {model: votes for model, votes in runs.items() if votes}
        if present:
            made.append((case, Ballot(present)))
    return made


def panel_row(
    recording: Recording, panel: RecordedPanel, models: Sequence[RecordedModel]
) -> PanelRow:
    """The figures of one panel."""
    voted = ballots(recording, models)
    right = [b.winner == c.truth for c, b in voted]
    agreed = [r for (_, b), r in zip(voted, right, strict=True) if b.unanimous]
    split = [r for (_, b), r in zip(voted, right, strict=True) if not b.unanimous]
    return PanelRow(
        panel=panel,
        plurality=proportion(sum(right), len(right)),
        agree=proportion(sum(agreed), len(agreed)),
        split=proportion(sum(split), len(split)),
        auroc=auroc([b.share for _, b in voted], right),
        union=proportion(sum(c.truth in b.union for c, b in voted), len(voted)),
        size=mean([len(b.union) for _, b in voted]),
    )


def compare_models(recording: Recording, first: RecordedModel, second: RecordedModel) -> Paired:
    """Exact McNemar over the majority answers."""
    one, two = (
        {c.id: _right(c, m) for c in _cases_answered_by(recording, m)} for m in (first, second)
    )
    return compare(one, two)


def list_row(recording: Recording) -> ListRow:
    """The lists without any model."""
    cases = recording.cases
    lengths = [float(len(c.listed)) for c in cases]
    chances = [(c.truth in c.listed) / len(c.listed) for c in cases]
    return ListRow(
        length=mean(lengths),
        uniform=mean(chances),
        first=proportion(sum(_first(c) == c.truth for c in cases), len(cases)),
    )


def _cases_answered_by(recording: Recording, model: RecordedModel) -> list[Recorded]:
    return [c for c in recording.cases if len(votes_of(c, model)) == len(model.columns)]


def _first(case: Recorded) -> str:
    return label_key(case.options[0]) if case.options else ""


def _right(case: Recorded, model: RecordedModel) -> bool:
    return majority(votes_of(case, model)) == case.truth


def _accuracy(cases: Sequence[Recorded], model: RecordedModel) -> Figure:
    right = (majority(votes_of(c, model), ties=Ties.FIRST) == c.truth for c in cases)
    return proportion(sum(right), len(cases))
