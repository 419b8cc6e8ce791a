"""Published speeds have a source, and what was derived of them follows from what it says."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from cds_hooks.planning.speeds import SpeedsUnusable, measured_speed, read_speeds, speeds

TODAY = date(2026, 11, 29)


def test_each_speed_has_an_address_and_a_day() -> None:
    for name, speed in speeds().items():
        assert speed.source.startswith("https://"), name
        assert date(2026, 1, 1) < speed.looked_up, name
        assert speed.gpus >= 1, name


@pytest.mark.parametrize(
    ("name", "long_s", "short_s"),
    [("llama-70b-4xh100", 843, 3317), ("llama-3.1-8b-h100", 2058, 9193)],
)
def test_prompts_are_the_difference_of_long_and_short_ones(
    name: str, long_s: float, short_s: float
) -> None:
    answers = 64 * 128
    prompt_per_s = 64 * (2048 - 128) / (answers / long_s - answers / short_s)
    assert speeds()[name].prompt_per_s == pytest.approx(prompt_per_s, rel=0.01)


def test_a_step_of_the_70b_is_what_the_prompts_leave() -> None:
    speed = speeds()["llama-70b-4xh100"]
    left = 64 * 128 / 3317 - 64 * 128 / speed.prompt_per_s
    assert speed.step_ms[64] == pytest.approx(1000 * left / 128, rel=0.01)


@pytest.mark.parametrize(
    ("at_once", "a_second", "tokens", "first_ms"),
    [(4, 2.09, 210, 63), (8, 3.78, 377, 79), (16, 6.44, 644, 155), (32, 9.73, 975, 362)],
)
def test_steps_of_the_7b_are_what_the_first_token_leaves(
    at_once: int, a_second: float, tokens: float, first_ms: float
) -> None:
    behind = tokens / a_second - 1
    step = (1000 * at_once / a_second - first_ms) / behind
    assert speeds()["mistral-7b-rtx-4090"].step_ms[at_once] == pytest.approx(step, rel=0.01)


def test_steps_lie_on_lines_between_the_figures() -> None:
    speed = speeds()["mistral-7b-rtx-4090"].model_copy(update={"step_ms": {2: 10.0, 4: 14.0}})
    steps = [1000 * speed.step_s(n) for n in (1, 2, 3, 4, 6)]
    assert steps == pytest.approx([10.0, 10.0, 12.0, 14.0, 18.0])


def test_what_was_measured_here_is_taken_up(tmp_path: Path) -> None:
    told = {
        "model": "m", "threads": 2, "rounds": 3, "prompt_per_s": 200.0,
        "step_per_s": {"1": 40.0, "3": 25.0},
    }  # fmt: skip
    (file := tmp_path / "bench.json").write_text(json.dumps(told))
    speed = measured_speed(file, TODAY)
    assert (speed.step_ms, speed.gpus) == ({1: 25.0, 3: 40.0}, 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": "m", "step_per_s": {"1": 0}}'])
def test_what_is_no_measurement_is_refused(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "bench.json").write_text(text)
    with pytest.raises(SpeedsUnusable):
        measured_speed(file, TODAY)


def test_a_speed_without_a_source_is_refused(tmp_path: Path) -> None:
    (file := tmp_path / "own.toml").write_text(
        '[x]\nmodel = "m"\nhardware = "h"\ngpus = 1\nprompt_per_s = 1\nstep_ms = { 1 = 1 }\n'
        'batch = 1\nlooked_up = 2026-11-29\nsource = ""\n'
    )
    with pytest.raises(SpeedsUnusable):
        read_speeds(file)
