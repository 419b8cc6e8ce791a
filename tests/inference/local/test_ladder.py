"""Which rung comes next, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.ladder import Ladder, NextStep, Rung, on_rung, rungs_of
from cds_hooks.inference.memory.context_size import Choice
from cds_hooks.inference.model_catalogue.catalogue import stand_in


@pytest.fixture
def config(tmp_path: Path) -> LlamaConfig:
    model = tmp_path / "m.gguf"
    return LlamaConfig(model, stand_in(model), portable_library=tmp_path)


def test_native_faults_lead_down_rung_by_rung_and_then_out(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    assert ladder.rung is Rung.AS_CONFIGURED
    assert ladder.on_failed_load(native=True) is NextStep.DOWN
    assert ladder.rung is Rung.WITHOUT_EXTRA_BUFFERS
    assert ladder.on_failed_load(native=True) is NextStep.DOWN
    assert ladder.rung is Rung.PORTABLE
    assert ladder.on_failed_load(native=True) is NextStep.OUT
    assert ladder.rung is Rung.PORTABLE


@pytest.mark.parametrize("folder", [None, Path("/nonexistent/library")])
def test_without_a_portable_library_there_are_two_rungs(
    config: LlamaConfig, folder: Path | None
) -> None:
    config = replace(config, portable_library=folder)
    assert rungs_of(config) == (Rung.AS_CONFIGURED, Rung.WITHOUT_EXTRA_BUFFERS)


def test_each_rung_keeps_what_the_one_above_gave_up(config: LlamaConfig) -> None:
    assert on_rung(config, Rung.AS_CONFIGURED) == config
    second = on_rung(config, Rung.WITHOUT_EXTRA_BUFFERS)
    assert (second.extra_buffers, second.library) == (Choice.OFF, None)
    third = on_rung(config, Rung.PORTABLE)
    assert (third.extra_buffers, third.library) == (Choice.OFF, config.portable_library)


def test_a_rung_that_worked_is_kept(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    ladder.on_failed_load(native=True)
    ladder.on_ready()
    assert ladder.on_failed_load(native=False) is NextStep.AGAIN
    assert ladder.rung is Rung.WITHOUT_EXTRA_BUFFERS


def test_ends_from_outside_are_tried_again_five_times(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    assert [ladder.on_failed_load(native=False) for _ in range(6)] == [NextStep.AGAIN] * 5 + [
        NextStep.OUT
    ]
    assert ladder.rung is Rung.AS_CONFIGURED


def test_one_good_load_starts_the_count_over(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    for _ in range(5):
        ladder.on_failed_load(native=False)
    ladder.on_ready()
    assert ladder.on_failed_load(native=False) is NextStep.AGAIN


def test_three_crashes_without_an_answer_between_lead_out(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    assert [ladder.on_crash() for _ in range(3)] == [NextStep.AGAIN, NextStep.AGAIN, NextStep.OUT]


def test_an_answer_between_starts_the_count_over(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    ladder.on_crash()
    ladder.on_crash()
    ladder.on_answer()
    assert ladder.on_crash() is NextStep.AGAIN
    assert ladder.on_crash() is NextStep.AGAIN


@pytest.mark.parametrize(
    ("third", "expected"), [(599.0, NextStep.OUT), (600.0, NextStep.OUT), (600.5, NextStep.AGAIN)]
)
def test_crashes_are_counted_within_ten_minutes(
    config: LlamaConfig, third: float, expected: NextStep
) -> None:
    now = 0.0
    ladder = Ladder(config, lambda: now)
    ladder.on_crash()
    now = 300.0
    ladder.on_crash()
    now = third
    assert ladder.on_crash() is expected


def test_a_library_that_cannot_be_used_leads_to_another_one_or_out(config: LlamaConfig) -> None:
    ladder = Ladder(config)
    assert ladder.on_unusable_library() is NextStep.DOWN
    assert ladder.rung is Rung.PORTABLE
    assert ladder.on_unusable_library() is NextStep.OUT
    assert Ladder(replace(config, portable_library=None)).on_unusable_library() is NextStep.OUT


@pytest.mark.parametrize(
    ("now", "heard_at", "since", "expected"),
    [
        (109.0, 100.0, 100.0, 1.0),  # a second of the ten is left
        (110.0, 100.0, 100.0, 0.0),  # silent for ten
        (111.0, 100.0, 100.0, 0.0),
        (111.0, 110.0, 100.0, 9.0),  # it works
        (399.0, 399.0, 100.0, 1.0),  # it works, and five minutes are nearly over
        (400.0, 400.0, 100.0, 0.0),
    ],
)
def test_a_process_that_works_is_given_five_minutes_to_let_go(
    config: LlamaConfig, now: float, heard_at: float, since: float, expected: float
) -> None:
    assert config.patience_s(now, heard_at=heard_at, since=since) == expected
