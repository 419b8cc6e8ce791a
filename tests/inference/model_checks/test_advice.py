"""Advice is arithmetic on a measurement: checked by hand here."""

from __future__ import annotations

import pytest

from cds_hooks.inference.memory.context_size import ContextSize, Placement, Sizes
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry, load_catalogue
from cds_hooks.inference.model_checks.advice import Advice, ConsultationSize, MemoryBasis, advise
from cds_hooks.inference.model_checks.speed_probe import SpeedMeasurement
from cds_hooks.inference.model_files.gguf import Header

PROBE = SpeedMeasurement(
    "small", "0" * 64, threads=2, load_s=1.0, prompt_per_s=270.0, step_per_s={1: 100.0, 3: 50.0},
    rounds=2,
)  # fmt: skip
# The file of the measured model, which is all but empty.
HEADER = Header(3, {"general.architecture": "llama"}, (), 0, 1)
CATALOGUE = load_catalogue()
SMALL = CATALOGUE.get("smollm2-135m-instruct-q8_0")


def _advised(
    available: int | None, question: ConsultationSize, placement: Placement | None = None
) -> dict[str, Advice]:
    def sizes_of(_entry: ModelEntry) -> Sizes:
        size = ContextSize(cells=8192, batch=256, sequences=4, threads=2)
        return Sizes(size, placement or Placement(), features=("avx2",))

    known = MemoryBasis(SMALL, HEADER, sizes_of)
    return {each.model: each for each in advise(CATALOGUE, PROBE, known, available, question)}


def test_time_goes_with_the_parameters_that_a_token_uses() -> None:
    found = _advised(None, ConsultationSize(prompt=1000, answer=200, samples=3))
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
    found = _advised(16 * 10**9, ConsultationSize())
    fitting = {name for name, advice in found.items() if advice.fits}
    assert "qwen3.5-9b" in fitting
    assert "gpt-oss-20b" in fitting
    assert "gemma-4-31b-it" not in fitting


def test_memory_of_a_model_without_a_file_is_that_of_its_dimensions() -> None:
    """Qwen3.5-9B: 5.175 GB of weights; 8 layers of 4 heads of 256; 24 states of 548,864."""
    nine = _advised(None, ConsultationSize())["qwen3.5-9b"]
    cache, states = 8 * 2 * 4 * 256 * 2 * 8192, 24 * 548_864 * 4 * 4
    rows = 4 * 248_320 * 4
    attention = 256 * (8192 * 16 * 4 + 8192 * 4 + 6 * 4096 * 4) + 256 * 8192 * 16 * 2
    overhead = 84 * 2**20 + 700 * 248_320
    # A four-bit file's copy of what is repacked: 77 % of all but the embedding.
    repacked = 0.77 * (5.175e9 - 248_320 * 4096 / 2)
    needed = 5.175e9 + cache + states + rows + attention + overhead
    assert nine.needs_gb == pytest.approx(needed / 1e9, rel=1e-6)
    assert nine.peak_gb - nine.needs_gb == pytest.approx(repacked / 1e9, rel=1e-6)
    assert "KV cache 256" in nine.memory


def test_what_is_on_gpus_is_told_apart() -> None:
    all_there = _advised(None, ConsultationSize(), Placement(-1))["gemma-4-31b-it"]
    half = _advised(None, ConsultationSize(), Placement(30))["gemma-4-31b-it"]
    none = _advised(None, ConsultationSize())["gemma-4-31b-it"]
    assert none.gpu_gb == 0
    assert 0 < half.gpu_gb < all_there.gpu_gb
    assert all_there.needs_gb < half.needs_gb < none.needs_gb
    assert "on GPUs weights" in all_there.memory
