"""Hand-made cases, the terminology, and the embedded model's tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.plausibility import Terminology
from cds_hooks.tuning.tokeniser import ModelTokens

BUILD = Path(__file__).resolve().parents[2] / "build"
EMBEDDED = BUILD / "models/SmolLM2-135M-Instruct.Q8_0.gguf"


@pytest.fixture(scope="session")
def terminology() -> Iterator[Terminology]:
    path = BUILD / "terminology.sqlite"
    if not path.is_file():
        pytest.fail("the terminology is not in build: run `make`")
    with Terminology(path) as opened:
        yield opened


@pytest.fixture(scope="session")
def smollm() -> Iterator[ModelTokens]:
    """The embedded model's vocabulary, in its process."""
    if not EMBEDDED.is_file():
        pytest.skip("the embedded model is not at build/models: run make")
    entry = known_entry(load_catalogue(), EMBEDDED)
    with ModelTokens.start(EMBEDDED, entry) as tokens:
        yield tokens
