"""Advice is arithmetic on a measurement: checked by hand here."""

from __future__ import annotations

import pytest

from cds_hooks.inference.advice import Question, advise
from cds_hooks.inference.catalogue import load_catalogue
from cds_hooks.inference.probe import Probe

PROBE = Probe(
    "small", "0" * 64, threads=2, load_s=1.0, prompt_per_s=270.0, step_per_s={1: 100.0, 3: 50.0},
    rounds=2,
)  # fmt: skip


def test_time_goes_with_the_parameters_that_a_token_uses() -> None:
    catalogue = load_catalogue()
    measured = catalogue.get("smollm2-135m-instruct-q8_0")
    question = Question(prompt=1000, answer=200, samples=3)
    found = {a.model: a for a in advise(catalogue, PROBE, measured, None, question)}
    same = found["smollm2-135m-instruct-q8_0"]
    assert same.prompt_s == pytest.approx(1000 / 270)
    assert same.answer_s == pytest.approx(200 / 50)
    assert same.thinking_s == 0
    sparse = found["qwen3.5-35b-a3b"]
    assert sparse.prompt_s == pytest.approx(1000 / 270 * 3.0 / 0.135)
    assert sparse.thinking_s == pytest.approx(1024 / 50 * 3.0 / 0.135)
    assert sparse.total_s == pytest.approx(sparse.prompt_s + sparse.answer_s + sparse.thinking_s)
    assert all(advice.fits for advice in found.values())


def test_what_does_not_fit_is_said_so() -> None:
    catalogue = load_catalogue()
    measured = catalogue.get("smollm2-135m-instruct-q8_0")
    found = advise(catalogue, PROBE, measured, 16 * 10**9, Question())
    fitting = {advice.model for advice in found if advice.fits}
    assert "qwen3.5-9b" in fitting
    assert "gpt-oss-20b" in fitting
    assert "gemma-4-31b-it" not in fitting
    nine = next(advice for advice in found if advice.model == "qwen3.5-9b")
    cells = 1500 + 3 * (1024 + 400)
    assert nine.needs_gb == pytest.approx(9 * 0.5 * 1.15 + 32 * 1024 * cells / 1e9 + 1.0)
