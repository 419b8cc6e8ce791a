"""The values that a trial is made of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_hooks.trial.cases import MatchLevel, Outcome, TrialCase

ASKED = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)


def made(asked: datetime, *outcomes: Outcome) -> TrialCase:
    return TrialCase(
        consultation="c1",
        patient="p1",
        service="diagnostic-review",
        asked=asked,
        hour=14,
        age_band="40 to 64",
        sex="female",
        outcomes=outcomes,
    )


def test_levels_are_nested_from_strict_to_wide() -> None:
    assert MatchLevel.SAME.within == ("same", "category", "related")
    assert MatchLevel.CATEGORY.within == ("category", "related")
    assert MatchLevel.RELATED.within == ("related",)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        made(ASKED.replace(tzinfo=None))
    late = Outcome("icd", "I21.4", "encounter-diagnosis", datetime(2026, 3, 2))  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        made(ASKED, late)


def test_an_outcome_tells_its_code_with_its_system() -> None:
    assert Outcome("icd", "I21.4", "encounter-diagnosis", ASKED).coded == ("icd", "I21.4")
