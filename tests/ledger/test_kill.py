"""A few rounds of what `python -m tests.soak.kill` does two hundred times."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.soak.kill import kill_rounds


@pytest.mark.model
@pytest.mark.slow
def test_no_card_was_received_whose_record_a_kill_lost(tmp_path: Path) -> None:
    outcome = kill_rounds(tmp_path, 3, random.Random(1))
    assert outcome.cards
    assert outcome.missing == []
    assert outcome.broken == []
    assert outcome.checkpoints
    assert set(outcome.rounds) == {"service", "engine", "both"}
