"""All that the recorded answers give, in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.evaluation.metrics import Paired
from cds_hooks.evaluation.research.alignment import Shift, find_shifts, put_right
from cds_hooks.evaluation.research.catalogue import ModelPair, RecordedModel, RecordingCatalogue
from cds_hooks.evaluation.research.flags import (
    Conformal,
    FlagExperiment,
    always,
    best_of_families,
    conformal_experiment,
    flag_experiment,
    score_panel,
)
from cds_hooks.evaluation.research.paper import (
    ListRow,
    ModelRow,
    PanelRow,
    compare_models,
    list_row,
    panel_row,
    row,
)
from cds_hooks.evaluation.research.printed import (
    FigureComparison,
    compare_panel,
    compare_row,
    to_digits,
)
from cds_hooks.evaluation.research.recording import Recording, read_recording

__all__ = ["Flagged", "Replay", "replay"]

_ERRORS = (0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Flagged:
    """What flags reach with one panel."""

    title: str
    experiment: FlagExperiment
    conformal: tuple[Conformal, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything that the recorded answers give.

    `pairs` have the titles of both models; `corrected` are rows of the models with shifted
    answers: as published, corrected, left out.
    """

    catalogue: RecordingCatalogue
    rows: tuple[ModelRow, ...]
    panels: tuple[PanelRow, ...]
    pairs: tuple[tuple[str, str, Paired, FigureComparison], ...]
    lists: ListRow
    shifts: tuple[Shift, ...]
    corrected: tuple[tuple[ModelRow, ModelRow, ModelRow], ...]
    flagged: tuple[Flagged, ...]

    @property
    def comparisons(self) -> tuple[FigureComparison, ...]:
        """Every published figure with ours."""
        rows = (h for row in self.rows for h in compare_row(row))
        panels = (h for row in self.panels for h in compare_panel(row))
        return (*rows, *panels, *(held for *_, held in self.pairs))


def replay(
    path: Path,
    catalogue: RecordingCatalogue,
    *,
    splits: int = 500,
    told: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Read the recorded answers and compute every figure; `told` hears what is being done.

    Raises SuiteError for a file that is not the recording. Flags are measured on the answers put
    right: an answer to another case tells nothing of agreement.
    """
    told("reading")
    recording = read_recording(path, [c for m in catalogue.model for c in m.columns])
    shifts = find_shifts(recording, catalogue.model)
    right = recording.realigned(put_right(recording, catalogue.model, shifts))
    by_id = {m.id: m for m in catalogue.model}
    told("accuracy")
    return Replay(
        catalogue=catalogue,
        rows=tuple(row(recording, m) for m in catalogue.model),
        panels=tuple(panel_row(recording, p, catalogue.models_of(p)) for p in catalogue.panel),
        pairs=tuple(_pair(recording, p, by_id) for p in catalogue.pair),
        lists=list_row(recording),
        shifts=shifts,
        corrected=tuple(_corrected(recording, right, by_id[s.model], s.cases) for s in shifts),
        flagged=tuple(_flagged(right, catalogue, splits, told)),
    )


def _pair(
    recording: Recording, pair: ModelPair, by_id: Mapping[str, RecordedModel]
) -> tuple[str, str, Paired, FigureComparison]:
    one, two = (by_id[i] for i in pair.models)
    paired = compare_models(recording, one, two)
    what = f"{one.title} against {two.title}: exact McNemar p"
    return (
        one.title,
        two.title,
        paired,
        FigureComparison(what, pair.printed, to_digits(paired.p, pair.printed)),
    )


def _corrected(
    recording: Recording, right: Recording, model: RecordedModel, cases: tuple[str, ...]
) -> tuple[ModelRow, ModelRow, ModelRow]:
    return row(recording, model), row(right, model), row(recording.without(cases), model)


def _flagged(
    right: Recording, catalogue: RecordingCatalogue, splits: int, told: Callable[[str], None]
) -> Iterator[Flagged]:
    n = len(right.cases)
    on_device = [m for m in catalogue.model if m.on_device]
    told("flags: best of each family")
    chosen = flag_experiment(best_of_families(right, on_device), n, splits=splits)
    title = "the best on-device model of each family, chosen on the same half as the threshold"
    yield Flagged(title, chosen)
    for panel in catalogue.panel:
        told(f"flags: {panel.id}")
        scored = score_panel(right, catalogue.models_of(panel))
        yield Flagged(
            panel.title,
            flag_experiment(always(scored), n, splits=splits),
            tuple(conformal_experiment(scored, e, splits=splits) for e in _ERRORS),
        )
