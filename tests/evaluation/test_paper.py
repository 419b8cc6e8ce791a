"""The published table, made again from the published answers."""

from __future__ import annotations

import pytest

from cds_hooks.evaluation.recorded.alignment import find_shifts, off_list, put_right
from cds_hooks.evaluation.recorded.catalogue import Model, Pair, Panel, catalogue
from cds_hooks.evaluation.recorded.paper import compare_models, list_row, panel_row, row
from cds_hooks.evaluation.recorded.printed import hold_panel, hold_row, to_digits
from cds_hooks.evaluation.recorded.recording import Recorded, Recording

PRINTED = [m for m in catalogue().model if m.printed]
SHIFTED = ("19089", "19091", "19092", "19094", "19098", "19100", "19101")


def test_the_catalogue_names_every_column_once() -> None:
    columns = [c for m in catalogue().model for c in m.columns]
    assert len(columns) == len(set(columns)) == 61
    assert len(PRINTED) == 12


@pytest.mark.parametrize("model", PRINTED, ids=lambda m: m.id)
def test_every_figure_of_the_table_is_met_to_the_digit(recording: Recording, model: Model) -> None:
    held = hold_row(row(recording, model))
    assert len(held) == 6
    assert [h for h in held if not h.same] == []


@pytest.mark.parametrize("panel", [p for p in catalogue().panel if p.printed], ids=lambda p: p.id)
def test_the_panels_figures_are_met_to_the_digit(recording: Recording, panel: Panel) -> None:
    held = hold_panel(panel_row(recording, panel, catalogue().models_of(panel)))
    assert len(held) >= 4
    assert [h for h in held if not h.same] == []


@pytest.mark.parametrize("pair", catalogue().pair, ids=lambda p: "-".join(p.models))
def test_the_comparisons_are_met_to_the_digit(
    recording: Recording, models: dict[str, Model], pair: Pair
) -> None:
    paired = compare_models(recording, *(models[i] for i in pair.models))
    assert to_digits(paired.p, pair.printed) == pair.printed


def test_the_lists_alone_are_worth_what_they_are(recording: Recording) -> None:
    lists = list_row(recording)
    assert round(100 * lists.first.value, 1) == 31.9
    assert lists.length.value == pytest.approx(5.0, abs=0.01)
    assert lists.uniform.value == pytest.approx(0.2196, abs=0.0005)


def test_a_changed_answer_changes_the_figures(
    recording: Recording, models: dict[str, Model]
) -> None:
    model = models["gemma-4-31b"]
    wrong = dict.fromkeys(model.columns, "something else")
    first = next(c for c in recording.cases if c.answers[model.columns[0]] == c.truth)
    spoilt = recording.realigned({first.id: wrong})
    assert row(spoilt, model).majority.value < row(recording, model).majority.value
    assert any(not h.same for h in hold_row(row(spoilt, model)))


def test_the_shifted_rows_are_found_without_being_told(recording: Recording) -> None:
    found = {s.model: s for s in find_shifts(recording, catalogue().model)}
    assert set(found) == {"qwen3.5-9b", "qwen3.5-27b"}
    for shift in found.values():
        assert shift.offset == -1
        assert shift.cases == SHIFTED
        assert shift.lost == ("19101",)


@pytest.mark.parametrize(
    ("model", "published", "right_place", "without"),
    [("qwen3.5-27b", "80.2", "83.5", "83.0"), ("qwen3.5-9b", "76.3", "79.1", "79.0")],
)
def test_figures_with_and_without_the_shifted_rows(
    recording: Recording,
    models: dict[str, Model],
    model: str,
    published: str,
    right_place: str,
    without: str,
) -> None:
    shifts = find_shifts(recording, catalogue().model)
    moved = recording.realigned(put_right(recording, catalogue().model, shifts))
    rows = [row(r, models[model]) for r in (recording, moved, recording.without(SHIFTED))]
    assert [r.majority.n for r in rows] == [207, 206, 200]
    shares = [f"{100 * r.majority.value:.1f}" for r in rows]
    assert shares == [published, right_place, without]
    assert find_shifts(moved, catalogue().model) == ()


@pytest.mark.parametrize("offset", [-2, -1, 1, 2])
def test_a_shift_of_any_model_and_direction_is_found(
    recording: Recording, models: dict[str, Model], offset: int
) -> None:
    model, start = models["gemini-3.1-pro"], 40
    moved = {
        recording.cases[i].id: {c: recording.cases[i + offset].answers[c] for c in model.columns}
        for i in range(start, start + 8)
    }
    found = find_shifts(recording.realigned(moved), [model])
    assert [s.offset for s in found] == [offset]
    assert len(found[0].cases) >= 6


def test_invented_answers_are_not_taken_for_a_shift(
    recording: Recording, models: dict[str, Model]
) -> None:
    model = models["gemma-4-31b"]
    invented = {
        c.id: dict.fromkeys(model.columns, f"invented {i}")
        for i, c in enumerate(recording.cases[10:20])
    }
    spoilt = recording.realigned(invented)
    assert find_shifts(spoilt, [model]) == ()
    assert row(spoilt, model).off_list.value == pytest.approx(30 / 621)


def test_an_empty_answer_is_wrong_but_not_off_the_list(models: dict[str, Model]) -> None:
    model = models["gemma-4-31b"]
    case = Recorded("1", "", ("Gout", "Lupus"), "Gout", dict.fromkeys(model.columns, ""))
    assert off_list(case, model) == ()
    figures = row(Recording((case,), ()), model)
    assert (figures.majority.value, figures.agree.value, figures.agree.n) == (0.0, 0.0, 1)


def test_a_lost_answer_counts_nowhere(recording: Recording, models: dict[str, Model]) -> None:
    model = models["gemma-4-31b"]
    lost = recording.realigned({recording.cases[0].id: dict.fromkeys(model.columns)})
    assert row(lost, model).majority.n == 206
    panel = catalogue().panel[0]
    assert panel_row(lost, panel, catalogue().models_of(panel)).plurality.n == 207
