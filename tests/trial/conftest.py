"""The compiled terminology, opened once: reading it takes longer than most of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cds_hooks.plausibility import Terminology
from tests.trial.stored_trial import ROOT


@pytest.fixture(scope="session")
def terminology() -> Iterator[Terminology]:
    with Terminology(ROOT / "build" / "terminology.sqlite") as opened:
        yield opened
