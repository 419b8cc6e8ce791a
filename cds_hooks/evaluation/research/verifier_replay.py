"""What a verifier reaches on the recorded answers, on cases that its weights have not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.evaluation.metrics import Figure, bootstrap, majority, mcnemar, mean, proportion
from cds_hooks.evaluation.metrics.curves import area_under_roc
from cds_hooks.evaluation.research.alignment import find_shifts, put_right
from cds_hooks.evaluation.research.catalogue import RecordedModel, catalogue
from cds_hooks.evaluation.research.recording import Recording, read_recording, votes_of
from cds_hooks.evaluation.research.verifier_cases import (
    VerifierPanel,
    labelled,
    verifier_panels,
)
from cds_hooks.evaluation.verifier.calibrated import CalibratedFigures, measure_calibrated
from cds_hooks.evaluation.verifier.extra import one_thread
from cds_hooks.evaluation.verifier.held_out import LOGISTIC, HeldOut, held_out
from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.evaluation.verifier.votes import bound, first_of, plurality_pick, rules_pick

__all__ = ["MethodRow", "PanelResult", "verifier_replay"]

_AREAS = 10
"""Of so many repetitions is the mean area shown: more change its second digit no more."""

VOTE, RULES = "vote, each model counting once", "fixed rules"


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A way to choose: how often it is right, how much of the distance from the base model's
    majority to the bound that closes (1 is all, below 0 is a loss), and what it gains on the vote.
    `p` is the exact McNemar probability of right in most repetitions, against the vote."""

    method: str
    right: Figure
    closed: Figure
    gain: Figure
    p: float


@dataclass(frozen=True, slots=True)
class PanelResult:
    """One panel. `single` is one sample of the base model, `majority` that of its samples (none
    counts as wrong, as published), `best` the bound: any proposed diagnosis is right. `area` and
    `vote_area` tell right from wrong first choices by the verifier's score and by votes."""

    panel: VerifierPanel
    cases: int
    single: Figure
    majority: Figure
    best: Figure
    methods: tuple[MethodRow, ...]
    area: Figure
    vote_area: Figure
    calibrated: CalibratedFigures


def verifier_replay(
    path: Path,
    *,
    repetitions: int = 40,
    panels: Sequence[VerifierPanel] | None = None,
    seed: int = 0,
    told: Callable[[str, int], None] = lambda _, __: None,
) -> tuple[PanelResult, ...]:
    """Every panel, measured; `told` hears the panel and the repetition.

    Rows that slipped are corrected first, by case id. Raises SuiteError for a file that is not the
    recording, and VerifierExtraMissing without scikit-learn.
    """
    models = catalogue().model
    recording = read_recording(path, [c for m in models for c in m.columns])
    right = recording.realigned(put_right(recording, models, find_shifts(recording, models)))
    chosen = verifier_panels() if panels is None else panels
    with one_thread():
        return tuple(_panel(right, p, models, repetitions, seed, told) for p in chosen)


def _panel(
    recording: Recording,
    panel: VerifierPanel,
    models: Sequence[RecordedModel],
    repetitions: int,
    seed: int,
    told: Callable[[str, int], None],
) -> PanelResult:
    cases = labelled(recording, panel, models)
    base = next(m for m in models if m.id == panel.base)
    won = [float(majority(votes_of(c, base)) == c.truth) for c in recording.cases]
    reached = [float(bound(c)) for c in cases]
    read = held_out(cases, repetitions=repetitions, seed=seed, told=lambda n: told(panel.id, n))
    vote = [_right(c, plurality_pick(c)) for c in cases]
    columns = {VOTE: vote, RULES: [_right(c, rules_pick(c)) for c in cases]}
    columns |= {method: read.mean(method) for method in read.right}
    share = [max((f["vote_share"] for f in c.features), default=0.0) for c in cases]
    return PanelResult(
        panel=panel,
        cases=len(cases),
        single=mean([first_of(c, panel.base) for c in cases]),
        majority=_share(won),
        best=_share(reached),
        methods=tuple(_row(m, columns, won, reached) for m in columns),
        area=_area(read),
        vote_area=_areas([share], [vote]),
        calibrated=measure_calibrated(cases, repetitions=repetitions, seed=seed + 1),
    )


def _right(case: LabelledCase, pick: int | None) -> float:
    return float(pick is not None and case.right[pick])


def _share(values: Sequence[float]) -> Figure:
    return proportion(round(sum(values)), len(values))


def _row(
    method: str,
    columns: Mapping[str, Sequence[float]],
    won: Sequence[float],
    reached: Sequence[float],
) -> MethodRow:
    own, vote = columns[method], columns[VOTE]
    better = sum(a >= 0.5 > b for a, b in zip(own, vote, strict=True))
    worse = sum(b >= 0.5 > a for a, b in zip(own, vote, strict=True))
    return MethodRow(
        method=method,
        right=mean(own),
        closed=bootstrap(
            lambda d: (
                float((d[0].mean() - d[1].mean()) / (d[2].mean() - d[1].mean()))
                if d[2].mean() > d[1].mean()
                else float("nan")
            ),
            [own, won, reached],
        ),
        gain=bootstrap(lambda d: float((d[0] - d[1]).mean()), [own, vote]),
        p=mcnemar(better, worse),
    )


def _area(read: HeldOut) -> Figure:
    return _areas(read.score[:_AREAS].tolist(), read.right[LOGISTIC][:_AREAS].tolist())


def _areas(scores: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> Figure:
    """The mean area over repetitions, drawn over cases."""
    number = len(scores)
    return bootstrap(
        lambda d: sum(area_under_roc(d[i], d[number + i]) for i in range(number)) / number,
        [*scores, *right],
    )
