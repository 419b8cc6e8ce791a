"""Weeks of gestation in the words of complaints and notes."""

from __future__ import annotations

import pytest

from cds_hooks.plausibility.chart.gestation import weeks_told
from fhir_mapping.chart import Fact, Kind


@pytest.mark.parametrize(
    ("kind", "text", "weeks"),
    [
        (Kind.COMPLAINT, "Had a fit, 36 weeks pregnant", 36),
        (Kind.COMPLAINT, "Bleeding and belly pain at 34 weeks", 34),
        (Kind.NOTE, "Bleeding and belly pain at 34 weeks", None),
        (Kind.NOTE, "G2P1 at 34+2 weeks", 34),
        (Kind.NOTE, "30 weeks gestation, feels well", 30),
        (Kind.NOTE, "Pregnant, 9 wks", 9),
        (Kind.COMPLAINT, "Bad headache, 35 weeks", 35),
        (Kind.COMPLAINT, "Bad headache, 3 weeks", None),
        (Kind.COMPLAINT, "Bleeding for 2 weeks", None),
        (Kind.COMPLAINT, "Started at 3 weeks ago", None),
        (Kind.NOTE, "90 weeks pregnant", None),
        (Kind.MEDICATION, "20 weeks pregnant", None),
    ],
)
def test_weeks_as_they_are_written(kind: Kind, text: str, weeks: float | None) -> None:
    told = weeks_told([Fact("S1", kind, text, days_ago=0.1)])
    assert (told and told[0]) == weeks


@pytest.mark.parametrize(("days", "told"), [(3.0, True), (3.1, False)])
def test_an_old_note_tells_nothing(days: float, told: bool) -> None:
    note = Fact("N1", Kind.NOTE, "20 weeks pregnant", days_ago=days)
    assert (weeks_told([note]) is not None) is told
