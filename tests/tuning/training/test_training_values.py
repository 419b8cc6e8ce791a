"""What of a tuning run needs no PyTorch: the course of the loss, the check's verdict, the forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cds_hooks.inference.hardware.machine import Machine
from cds_hooks.tuning.example import GoldDiagnosis, MarkedTokens, TrainingExample, Turn
from cds_hooks.tuning.training.adapter_check import AdapterCheck, tokens_to_check
from cds_hooks.tuning.training.adapter_tensors import gguf_name, interleaved
from cds_hooks.tuning.training.answer_forms import as_sentences
from cds_hooks.tuning.training.cpu_recipe import shipped_recipe
from cds_hooks.tuning.training.loss_course import (
    LossPoint,
    best_point,
    check_steps,
    learning_rate,
    should_stop,
)
from cds_hooks.tuning.training.loss_plot import loss_plot
from cds_hooks.tuning.training.run_record import read_run
from cds_hooks.tuning.training.threads import threads_to_use
from cds_hooks.tuning.training.token_check import TokenCheck, compare_logits
from cds_hooks.tuning.training.tuning_errors import TuningError
from cds_hooks.tuning.training.tuning_run import removed_unless_checked
from cds_hooks.tuning.tuning_errors import TuningDataError


def points(*losses: float) -> list[LossPoint]:
    return [LossPoint(step=n, held_out=loss) for n, loss in enumerate(losses)]


def test_the_rate_rises_then_falls_to_nothing() -> None:
    recipe = shipped_recipe(learning_rate=0.01, warm_up=0.2)
    rates = [learning_rate(step, 10, recipe) for step in (1, 2, 6, 10)]
    assert rates == pytest.approx([0.005, 0.01, 0.005, 0.0])


def test_held_out_loss_is_computed_evenly_and_at_the_end_of_each_epoch() -> None:
    recipe = shipped_recipe(epochs=2, examples_a_step=4, checks_an_epoch=2)
    assert check_steps(17, recipe) == {2, 5, 7, 10}
    assert check_steps(3, recipe) == {1, 2}


def test_a_run_ends_when_the_last_points_are_no_better_than_the_best_before() -> None:
    assert not should_stop(points(3.0, 2.0, 2.1), 2)
    assert should_stop(points(3.0, 2.0, 2.1, 2.0), 2)
    assert not should_stop(points(3.0, 2.0, 2.1, 1.9), 2)
    assert best_point(points(3.0, 2.0, 2.0)).step == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": 3},
        {"epochs": 0},
        {"rank": 0},
        {"warm_up": 1.0},
        {"learning_rate": 5.0},
        {"learning_rate": float("nan")},
    ],
)
def test_a_recipe_beyond_its_bounds_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(TuningError) as refused:
        shipped_recipe(**changed)
    assert refused.value.code == "tune-recipe-invalid"
    assert refused.value.where == "--" + next(iter(changed)).replace("_", "-")
    assert shipped_recipe(epochs=2).epochs == 2
    assert shipped_recipe(epochs=1).sha256 != shipped_recipe(epochs=2).sha256


def test_rows_of_two_heads_are_interleaved_as_in_files_of_llama() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert interleaved(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert gguf_name(3, "self_attn.o_proj") == "blk.3.attn_output.weight"


def logits(*rows: list[float]) -> np.ndarray:
    return np.log(np.array([[*row, *([1e-9] * 6)] for row in rows], dtype=np.float32))


def test_a_comparison_counts_agreement_ties_and_the_largest_difference() -> None:
    one = logits([0.7, 0.3], [0.501, 0.499], [0.9, 0.1])
    two = logits([0.6, 0.4], [0.499, 0.501], [0.1, 0.9])
    found = compare_logits([(one, two)])
    assert (found.sequences, found.positions, found.agreed, found.tied) == (1, 3, 1, 1)
    assert found.different == 1
    assert found.largest == pytest.approx(np.log(9), rel=1e-3)
    assert compare_logits([(one, one)]).largest == 0


SAME = TokenCheck(2, 100, 100, 0, 0.02, 0.001)


@pytest.mark.parametrize(
    ("base", "adapted", "effect", "fault"),
    [
        (SAME, SAME, 0.01, ""),
        (SAME, replace(SAME, mean=0.0039), 0.01, ""),
        (SAME, replace(SAME, mean=0.0041), 0.01, "adapter-differs"),
        (SAME, replace(SAME, agreed=99), 0.01, "adapter-differs"),
        (SAME, replace(SAME, agreed=99, tied=1), 0.01, ""),
        (SAME, SAME, 0.0019, "adapter-without-effect"),
        (replace(SAME, agreed=99), SAME, 0.01, "base-differs"),
    ],
)
def test_the_check_tells_what_is_wrong(
    base: TokenCheck, adapted: TokenCheck, effect: float, fault: str
) -> None:
    changed = replace(SAME, mean=effect)
    assert AdapterCheck(base, adapted, SAME, SAME, changed).fault == fault


def test_the_ends_of_held_out_examples_are_checked() -> None:
    long = MarkedTokens(id="a", input_ids=tuple(range(500)), labels=(-100,) * 500)
    assert [(len(ids), ids[-1]) for ids in tokens_to_check([long] * 20)] == [(160, 499)] * 8


class Words:
    """Tokens of a model that writes one token a word."""

    def mark(self, example: TrainingExample, *, trace: bool) -> MarkedTokens | str:
        assert not trace
        if "unwritable" in example.answer:
            return "mask-does-not-decode"
        words = example.answer.split()
        ids = tuple(range(len(words)))
        return MarkedTokens(id=example.answer, input_ids=ids, labels=ids)


def example(display: str) -> TrainingExample:
    return TrainingExample(
        id="x", patient="p", messages=(Turn(role="user", content="Cough"),), answer="{}",
        gold=GoldDiagnosis(display=display, code="J18.9"), source="own",
    )  # fmt: skip


def test_true_names_stand_behind_leads_that_take_turns() -> None:
    names = ["Pneumonia", "COPD", "unwritable", ""]
    found = as_sentences(map(example, names), ("It is", "Disease:"), Words())
    assert [each.id for each in found] == ["It is pneumonia.", "Disease: COPD."]


def test_one_thread_computes_where_others_use_the_machine() -> None:
    busy, quiet = (Machine(4, None, is_busy) for is_busy in (True, False))
    assert [threads_to_use(0, busy), threads_to_use(0, quiet), threads_to_use(3, busy)] == [1, 4, 3]


def test_a_plot_tells_its_losses_in_words() -> None:
    drawn = loss_plot(points(4.0, 2.5), title="Loss")
    assert "step 1: held out 2.500" in drawn
    assert drawn.count("<circle") == 2
    assert "<circle" not in loss_plot([], title="Loss")


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(TuningDataError) as raised:
            read_run(folder)
        assert "run.json" in raised.value.where


def test_an_adapter_whose_check_did_not_end_is_removed(tmp_path: Path) -> None:
    for ended in (TuningError("tune-base-unusable", "The engine failed"), KeyboardInterrupt()):
        adapter = tmp_path / "adapter.gguf"
        adapter.touch()
        with pytest.raises(type(ended)), removed_unless_checked(adapter):
            raise ended
        assert not adapter.exists()
    adapter.touch()
    with removed_unless_checked(adapter):
        pass
    assert adapter.exists()


def test_two_programs_that_compute_nothing_do_not_agree() -> None:
    nothing = np.full((3, 8), np.nan, dtype=np.float32)
    broken = compare_logits([(nothing, nothing)])
    told = AdapterCheck(broken, broken, broken, broken, broken)
    assert told.fault == "not-a-number"
