"""From which age on a fact may come and go: the year and a day of `changes.toml`."""

from __future__ import annotations

import pytest

from cds_hooks.staleness import changes
from fhir_mapping.chart import Chart, Fact, Flag, Kind, PatientFacts

WHO = PatientFacts(age_years=67.3, recorded_sex="female")


@pytest.mark.parametrize(
    ("kind", "flag", "status"),
    [
        (Kind.LAB, Flag.NORMAL, "final"),
        (Kind.VITAL, Flag.NORMAL, "final"),
        (Kind.OBSERVATION, Flag.NORMAL, "final"),
        (Kind.IMMUNIZATION, None, "completed"),
        (Kind.ENCOUNTER, None, "finished"),
        (Kind.ENCOUNTER, None, "completed"),
    ],
)
@pytest.mark.parametrize(
    ("ago", "matters"), [(365, True), (366, True), (366.1, False), (None, True)]
)
def test_what_is_older_than_a_year_comes_and_goes(
    kind: Kind, flag: Flag | None, status: str, ago: float | None, matters: bool
) -> None:
    one = Fact("X1", kind, "Something", flag=flag, status=status, days_ago=ago)
    found = changes(Chart(WHO, ()), Chart(WHO, (one,)))
    assert found.matter is matters
    assert (found.aside == ()) is matters
