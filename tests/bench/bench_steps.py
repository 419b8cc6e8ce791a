"""What a step of decoding costs beside `llama_decode`, at 49,152 and 262,144 tokens of vocabulary.

The large vocabulary is a tiny model's with random weights, whose tokens are the embedded model's
and pairs of its words: what is measured is not the model.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cds_hooks.inference.hardware.machine import this_machine
from cds_hooks.inference.worker.bindings import native
from tests.bench.bench_engine import MODEL, ROOT, row

LARGE = 262_144
STEP_MS = 16.0  # of a model of 27 billion parameters on a GPU
Row = dict[str, Any]


def rows() -> list[Row]:
    """Shares of a step, and one sequence against plain llama.cpp."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large-vocabulary.gguf"
        _write(large)
        return [*_rows_of(_rounds(MODEL)), *_rows_of_large(_rounds(large))]


def _rows_of(rounds: Sequence[dict[str, float]]) -> Iterator[Row]:
    plain = [one["plain"] / one["step of 1"] for one in rounds]
    yield row("decoding one sequence", "x", plain, "plain llama.cpp at its best here (aim 0.9)")
    for samples in (1, 3):
        shares = [one[f"outside of {samples}"] / one[f"step of {samples}"] for one in rounds]
        name = f"outside llama_decode, samples: {samples}"
        yield row(name, "share", shares, "a step at 49,152 tokens (aim at most 0.05)")


def _rows_of_large(rounds: Sequence[dict[str, float]]) -> Iterator[Row]:
    for samples in (1, 3):
        shares = [one[f"outside of {samples}"] / STEP_MS for one in rounds]
        name = f"outside llama_decode, large vocabulary, samples: {samples}"
        yield row(name, "share", shares, "16 ms, at 262,144 tokens (aim at most 0.10)")


def _rounds(model: Path) -> list[dict[str, float]]:
    clock = "processor" if this_machine().busy else "wall"
    out = subprocess.run(
        [sys.executable, "-m", "tests.bench.engine_steps", str(model), clock],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return [json.loads(line) for line in out.stdout.splitlines()]


def _write(path: Path) -> None:
    """About so many tokens: a few of these the tiny model has already."""
    tiny = _tiny_models()
    native.silence()
    pieces, letters = native.NativeModel(str(MODEL)).pieces, tiny.byte_letters()
    spelt = dict.fromkeys("".join(letters[byte] for byte in piece) for piece in pieces if piece)
    words = [piece for piece in spelt if 3 < len(piece) < 8]
    random = np.random.default_rng(0)
    while len(spelt) < LARGE:
        pairs = random.integers(len(words), size=(LARGE, 2))
        spelt.update(dict.fromkeys(words[one] + words[other] for one, other in pairs))
    tiny.write("llama", path, words=[*spelt][:LARGE])


def _tiny_models() -> ModuleType:
    path = ROOT / "tests/inference/tiny_models.py"
    spec = importlib.util.spec_from_file_location("tiny_models", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny_models"] = module
    spec.loader.exec_module(module)
    return module
