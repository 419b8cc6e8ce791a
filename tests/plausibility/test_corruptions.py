"""Right assessments on sample charts, and what one corruption does to each.

A corruption must change the verdict and add a failed reason of the check that is to see it; a
right assessment must be neither contradicted nor unrecognised.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.plausibility import Terminology
from tests.sample.places import Data

KINDS = (
    "id_of_nothing", "id_of_another_fact", "direction", "result_normal", "result_dropped",
    "invented_name", "other_sex", "other_age", "resolved_problem", "refuted",
)  # fmt: skip


@pytest.fixture(scope="module")
def grid() -> ModuleType:
    path = Path(__file__).with_name("corruptions.py")
    spec = importlib.util.spec_from_file_location("corruptions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["corruptions"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cases(grid: ModuleType, data: Data) -> list[Any]:
    found = list(grid.true_cases(data))
    assert len(found) >= {"sample": 30, "shared": 111}[data.name]
    return found


def test_the_grid_is_whole(grid: ModuleType) -> None:
    assert tuple(c.__name__ for c in grid.CORRUPTIONS) == KINDS


def test_right_assessments_of_known_names_are_hardly_ever_flagged(
    grid: ModuleType, cases: list[Any], terminology: Terminology
) -> None:
    """Names that no terminology has are counted apart, by the test of the terminology."""
    known = [c for c in cases if terminology.resolve(c.candidate.diagnosis).recognised]
    every = [*known, *grid.bound_cases(cases)]
    assert len(grid.clean_flagged(every, terminology)) / len(every) <= 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_corruption_is_seen_for_the_right_reason(
    grid: ModuleType, cases: list[Any], data: Data, terminology: Terminology, kind: str
) -> None:
    found = grid.run(getattr(grid, kind), cases, terminology)
    assert found.made >= {"sample": 15, "shared": 30}[data.name]
    assert found.seen / found.made >= 0.95, found.missed
