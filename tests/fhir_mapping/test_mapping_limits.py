"""Limits of the mapping itself: below, on and beyond each, written by hand. All are our own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Chart, map_chart
from fhir_mapping.elements.phrasing import plain, span
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker

Make = Callable[..., Any]
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


def masked(text: str, **patient: Any) -> str:
    return masker(patient, RelativeTimes(NOW))(text)


@pytest.mark.parametrize(
    ("number", "typed", "hidden"),
    [
        # Six digits and more are found however they are grouped; fewer only as they were sent.
        ("12345", "call 12345 now", True),
        ("12345", "call 12-345 now", False),
        ("123456", "call 123456 now", True),
        ("123456", "call 12-34.56 now", True),
        ("1234567", "call 12 34 567 now", True),
        ("12-345", "call 12345 now", False),
        ("12-3456", "call 123456 now", True),
        # Up to three signs between two digits.
        ("123456", "call 123) /456 now", True),
        ("123456", "call 123) / 456 now", False),
        # Less than three characters are everywhere.
        ("12", "call 12 now", False),
        ("123", "call 123 now", True),
        ("X12345", "call 12345 now", False),
        ("X123456", "call 123456 now", True),
        ("X123456", "call 1234567 now", False),
    ],
)
def test_the_least_digits_of_a_number_that_is_masked(number: str, typed: str, hidden: bool) -> None:
    told = masked(typed, telecom=[{"value": number}])
    assert ("[patient]" in told) is hidden
    assert masked(typed, identifier=[{"value": number}]) == told


@pytest.mark.parametrize(
    ("name", "typed", "hidden"),
    [("Ed", "seen by Ed", False), ("Edd", "seen by Edd", True), ("Edda", "seen by Edda", True)],
)
def test_the_shortest_name_that_is_masked(name: str, typed: str, hidden: bool) -> None:
    assert ("[patient]" in masked(typed, name=[{"family": name}])) is hidden


@pytest.mark.parametrize(
    ("ago_days", "present"), [(0.0, True), (1.9, True), (2.0, True), (2.1, False)]
)
def test_a_visit_that_is_over_is_the_present_one_for_two_days(
    chart_of: Make, resource: Make, ago: Make, ago_days: float, present: bool
) -> None:
    visit = resource(
        "Encounter", "e1", status="finished", type=[{"text": "Check"}],
        **{"class": {"code": "AMB"}}, period={"start": ago(ago_days), "end": ago(ago_days)},
    )  # fmt: skip
    chart: Chart = chart_of(visit)
    assert chart.facts[0].text.startswith("Present encounter") is present


@pytest.mark.parametrize(("days", "told"), [(365.9, "1 -> 3"), (366, "1 -> 3"), (366.1, "2 -> 3")])
def test_a_course_is_told_over_a_year(
    only: Make, lab: Make, ago: Make, days: float, told: str
) -> None:
    fact = only(
        lab("o1", "1-1", "T", 1, "g/L", ago(days + 1)),
        lab("o2", "1-1", "T", 2, "g/L", ago(100)),
        lab("o3", "1-1", "T", 3, "g/L", ago(1)),
    )
    assert told in fact.text


@pytest.mark.parametrize(
    ("born", "years"),
    [
        ("2024-06-15", 0),
        ("2024-06-16", None),  # in the future
        ("1894-06-17", 130),
        ("1894-06-13", None),  # beyond 130 years
    ],
)
def test_the_age_of_a_patient(
    chart_of: Make, patient: dict[str, Any], born: str, years: int | None
) -> None:
    age = map_chart([{**patient, "birthDate": born}], patient_id="p1", now=NOW).patient.age_years
    assert age is None if years is None else age == pytest.approx(years, abs=0.01)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0.0005, "1 minute"),
        (0.0416, "60 minutes"),
        (0.0417, "1 hour"),
        (1.99, "48 hours"),
        (2, "2 days"),
        (59.4, "59 days"),
        (60, "2 months"),
        (730.4, "24 months"),
        (730.5, "2 years"),
    ],
)
def test_lengths_of_time_in_words(days: float, words: str) -> None:
    assert span(days) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (999.94, "999.9"),
        (1000.4, "1000"),
        (1000.6, "1001"),
        (0.0001, "0.0001"),
        (0.00009, "9e-05"),
        (5.0, "5"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1e+15"),
        (-1000.4, "-1000"),
    ],
)
def test_numbers_in_words(value: float, text: str) -> None:
    assert plain(value) == text
