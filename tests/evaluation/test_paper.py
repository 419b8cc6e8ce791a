"""The published table, made again from the published answers, and figures counted by hand."""

from __future__ import annotations

import pytest

from cds_hooks.evaluation.research.alignment import find_shifts, off_list, put_right
from cds_hooks.evaluation.research.catalogue import (
    ModelPair,
    RecordedModel,
    RecordedPanel,
    catalogue,
)
from cds_hooks.evaluation.research.paper import compare_models, list_row, panel_row, row
from cds_hooks.evaluation.research.printed import compare_panel, compare_row, to_digits
from cds_hooks.evaluation.research.recording import Recorded, Recording

PRINTED = [m for m in catalogue().model if m.printed]
SHIFTED = ("19089", "19091", "19092", "19094", "19098", "19100", "19101")


def test_the_catalogue_names_every_column_once() -> None:
    columns = [c for m in catalogue().model for c in m.columns]
    assert len(columns) == len(set(columns)) == 61
    assert len(PRINTED) == 12


@pytest.mark.parametrize("model", PRINTED, ids=lambda m: m.id)
def test_every_figure_of_the_table_is_met_to_the_digit(
    recording: Recording, model: RecordedModel
) -> None:
    held = compare_row(row(recording, model))
    assert len(held) == 6
    assert [h for h in held if not h.same] == []


@pytest.mark.parametrize("panel", [p for p in catalogue().panel if p.printed], ids=lambda p: p.id)
def test_the_panels_figures_are_met_to_the_digit(
    recording: Recording, panel: RecordedPanel
) -> None:
    held = compare_panel(panel_row(recording, panel, catalogue().models_of(panel)))
    assert len(held) >= 4
    assert [h for h in held if not h.same] == []


@pytest.mark.parametrize("pair", catalogue().pair, ids=lambda p: "-".join(p.models))
def test_the_comparisons_are_met_to_the_digit(
    recording: Recording, models: dict[str, RecordedModel], pair: ModelPair
) -> None:
    paired = compare_models(recording, *(models[i] for i in pair.models))
    assert to_digits(paired.p, pair.printed) == pair.printed


COUNTED = {
    # majority, any, all agree: n and right, otherwise: n and right, off the list, no majority
    "gemini-3.1-pro": (70, 70, 70, 60, 10, 10, 0, 0),
    "gpt-5.1": (60, 70, 60, 50, 20, 10, 0, 0),
    "qwen3.5-35b-ft": (50, 60, 60, 50, 20, 10, 0, 10),
    "gemma-4-31b": (70, 70, 70, 60, 10, 10, 0, 0),
    "gpt-oss-20b-high": (60, 60, 40, 40, 40, 20, 10, 10),
    "qwen3.5-9b": (45, 55, 60, 35, 20, 10, 15, 0),
}
"""Of 80 cases and 240 runs, counted by hand from `tests/sample/recording.py`."""


@pytest.mark.parametrize("model", COUNTED)
def test_every_figure_is_what_was_counted_by_hand(
    sampled: Recording, models: dict[str, RecordedModel], model: str
) -> None:
    right, any_, agree_n, agree, split_n, split, off, without = COUNTED[model]
    found = row(sampled, models[model])
    assert (found.majority.value, found.majority.n) == (right / 80, 80)
    assert (found.any.value, found.any.n) == (any_ / 80, 80)
    assert (found.agree.value, found.agree.n) == (agree / agree_n, agree_n)
    assert (found.split.value, found.split.n) == (split / split_n, split_n)
    assert (found.off_list.value, found.off_list.n) == (off / 240, 240)
    assert found.without_majority == without


def test_a_models_figures_are_told_with_the_published_digits(
    sampled: Recording, models: dict[str, RecordedModel]
) -> None:
    told = compare_row(row(sampled, models["gpt-oss-20b-high"]))
    assert [h.ours for h in told] == ["75.0", "75.0", "100.0", "50.0", "40", "40"]
    assert [h.same for h in told] == [False] * 5 + [True], "40 split cases were published, too"


def test_a_panels_figures_are_what_was_counted_by_hand(sampled: Recording) -> None:
    nine, pair = catalogue().panel[:2]
    found = panel_row(sampled, nine, catalogue().models_of(nine))
    assert (found.plurality.value, found.plurality.n) == (60 / 80, 80)
    assert (found.agree.value, found.agree.n) == (1.0, 30)
    assert (found.split.value, found.split.n) == (30 / 50, 50)
    assert (found.union.value, found.size.value) == (1.0, 17 / 8)
    # Of twelve pairs of a right and a wrong group only one has more votes for the wrong answer.
    assert found.auroc.value == pytest.approx(11 / 12)
    two = panel_row(sampled, pair, catalogue().models_of(pair))
    assert (two.agree.value, two.agree.n) == (1.0, 40)
    assert (two.split.value, two.split.n) == (20 / 40, 40), "a tie goes to the answer given first"


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        ("qwen3.5-35b-ft", "qwen3.5-35b", 1.0),  # right in the same cases
        ("gemma-4-31b", "qwen3.5-35b", 2 * 0.5**20),  # twenty cases against none
        ("gpt-5.1", "qwen3.5-35b-ft", 2 * 0.5**10),
    ],
)
def test_two_models_are_compared_by_the_cases_that_only_one_has_right(
    sampled: Recording, models: dict[str, RecordedModel], first: str, second: str, p: float
) -> None:
    assert compare_models(sampled, models[first], models[second]).p == pytest.approx(p)


def test_the_invented_lists_have_the_truth_first_in_one_of_five(sampled: Recording) -> None:
    lists = list_row(sampled)
    assert (lists.first.value, lists.length.value) == (16 / 80, 5.0)
    assert lists.uniform.value == pytest.approx(0.2)


def test_a_slipped_stretch_is_found_and_put_right(
    sampled: Recording, models: dict[str, RecordedModel]
) -> None:
    [shift] = find_shifts(sampled, catalogue().model)
    assert (shift.model, shift.offset, shift.lost) == ("qwen3.5-9b", -1, ("5017",))
    assert shift.cases == ("5013", "5014", "5015", "5016", "5017")
    moved = sampled.realigned(put_right(sampled, catalogue().model, [shift]))
    rows = [row(r, models["qwen3.5-9b"]) for r in (sampled, moved, sampled.without(shift.cases))]
    counted = [(45 / 80, 80), (49 / 79, 79), (45 / 75, 75)]
    assert [(r.majority.value, r.majority.n) for r in rows] == [
        (pytest.approx(value), n) for value, n in counted
    ]
    assert find_shifts(moved, catalogue().model) == ()


def test_the_lists_alone_are_worth_what_they_are(recording: Recording) -> None:
    lists = list_row(recording)
    assert round(100 * lists.first.value, 1) == 31.9
    assert lists.length.value == pytest.approx(5.0, abs=0.01)
    assert lists.uniform.value == pytest.approx(0.2196, abs=0.0005)


def test_a_changed_answer_changes_the_figures(
    any_recording: Recording, models: dict[str, RecordedModel]
) -> None:
    recording = any_recording
    model = models["gemma-4-31b"]
    wrong = dict.fromkeys(model.columns, "something else")
    first = next(c for c in recording.cases if c.answers[model.columns[0]] == c.truth)
    spoilt = recording.realigned({first.id: wrong})
    assert row(spoilt, model).majority.value < row(recording, model).majority.value
    assert any(not h.same for h in compare_row(row(spoilt, model)))


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
    models: dict[str, RecordedModel],
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
    any_recording: Recording, models: dict[str, RecordedModel], offset: int
) -> None:
    recording = any_recording
    model, start = models["gemini-3.1-pro"], 40
    moved = {
        recording.cases[i].id: {c: recording.cases[i + offset].answers[c] for c in model.columns}
        for i in range(start, start + 8)
    }
    found = find_shifts(recording.realigned(moved), [model])
    assert [s.offset for s in found] == [offset]
    assert len(found[0].cases) >= 6


def test_invented_answers_are_not_taken_for_a_shift(
    any_recording: Recording, models: dict[str, RecordedModel]
) -> None:
    recording = any_recording
    model = models["gemma-4-31b"]
    invented = {
        c.id: dict.fromkeys(model.columns, f"invented {i}")
        for i, c in enumerate(recording.cases[10:20])
    }
    spoilt = recording.realigned(invented)
    assert find_shifts(spoilt, [model]) == ()
    assert row(spoilt, model).off_list.value == pytest.approx(30 / (3 * len(recording.cases)))


def test_an_empty_answer_is_wrong_but_not_off_the_list(models: dict[str, RecordedModel]) -> None:
    model = models["gemma-4-31b"]
    case = Recorded("1", "", ("Gout", "Lupus"), "Gout", dict.fromkeys(model.columns, ""))
    assert off_list(case, model) == ()
    figures = row(Recording((case,), ()), model)
    assert (figures.majority.value, figures.agree.value, figures.agree.n) == (0.0, 0.0, 1)


def test_a_lost_answer_counts_nowhere(
    any_recording: Recording, models: dict[str, RecordedModel]
) -> None:
    recording = any_recording
    every = len(recording.cases)
    model = models["gemma-4-31b"]
    lost = recording.realigned({recording.cases[0].id: dict.fromkeys(model.columns)})
    assert row(lost, model).majority.n == every - 1
    panel = catalogue().panel[0]
    assert panel_row(lost, panel, catalogue().models_of(panel)).plurality.n == every
