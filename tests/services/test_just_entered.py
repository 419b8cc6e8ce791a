"""What counts as just entered, and for how long a problem is compared with results of now."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.new_problems import assess_new_problems
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept
from cds_hooks.protocol.request import HookRequest, parse_request
from cds_hooks.services.problem_check import ON_VIEW, TRIGGER, new_conditions
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

NOW = datetime(2026, 4, 2, 10, 0, tzinfo=UTC)


def view() -> HookRequest:
    body = {
        "hook": "patient-view",
        "hookInstance": "5e8cc1b4-4a9e-4b1a-9f7a-2d2f7f6b3c11",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "extension": {TRIGGER: "6"},
    }
    return parse_request(json.dumps(body).encode(), ON_VIEW.on)


def recorded(count: int, **rest: Any) -> list[dict[str, Any]]:
    told = {"recordedDate": NOW.isoformat(), **rest}
    return [{"resourceType": "Condition", "id": f"c{n}", **told} for n in range(count)]


@pytest.mark.parametrize(
    ("seconds", "new"),
    [
        # Fifteen minutes, as the service says of itself; clocks may differ by as much.
        (0, True),
        (14 * 60 + 59, True),
        (15 * 60, True),
        (15 * 60 + 1, False),
        (150 * 60, False),
        (-15 * 60, True),
        (-15 * 60 - 1, False),
    ],
)
@pytest.mark.parametrize("element", ["recordedDate", "assertedDate"])
def test_the_minutes_for_which_a_condition_is_just_entered(
    seconds: int, new: bool, element: str
) -> None:
    told = (NOW - timedelta(seconds=seconds)).isoformat()
    one = {"resourceType": "Condition", "id": "c1", element: told}
    assert bool(new_conditions(view(), [one], now=NOW).conditions) is new


@pytest.mark.parametrize(
    ("told", "new"),
    [
        ("2026-04-02", True),
        ("2026-04-01", False),
        ("2026-04-03", False),
        ("2026-04-02T09:45:00", True),
        ("2026-04-02T09:44:59", False),
    ],
)
def test_a_date_counts_on_its_day_and_a_time_without_zone_in_the_services_own(
    told: str, new: bool
) -> None:
    assert bool(new_conditions(view(), recorded(1, recordedDate=told), now=NOW).conditions) is new


def test_a_day_is_that_of_the_service_or_of_utc() -> None:
    late = datetime(2026, 4, 2, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    for told, new in (("2026-04-02", True), ("2026-04-03", True), ("2026-04-04", False)):
        assert (
            bool(new_conditions(view(), recorded(1, recordedDate=told), now=late).conditions) is new
        )


@pytest.mark.parametrize(("count", "taken"), [(19, 19), (20, 20), (21, 20)])
def test_the_most_that_are_judged(count: int, taken: int) -> None:
    assert len(new_conditions(view(), recorded(count), now=NOW).conditions) == taken


class Known:
    """A terminology of one code."""

    def concept(self, code: str) -> Concept:
        return Concept(ICD_10_CM, code, "Hyponatremia")

    def resolve(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.mark.parametrize(
    ("ago", "judged"), [(None, True), (0, True), (1.9, True), (2, True), (2.1, False)]
)
def test_a_problem_of_the_last_two_days_is_compared_with_results_of_now(
    ago: float | None, judged: bool
) -> None:
    codes = (Code(ICD_10_CM, "E87.1", "Hyponatremia"),)
    problem = Fact("P1", Kind.PROBLEM, "Hyponatremia", codes, status="active", days_ago=ago)
    normal = Fact(
        "L1", Kind.LAB, "Sodium 140", (Code("http://loinc.org", "2951-2", ""),), 140.0,
        flag=Flag.NORMAL, days_ago=0.1,
    )  # fmt: skip
    known: Terminology = Known()  # type: ignore[assignment]
    (found,) = assess_new_problems(Chart(PatientFacts(40, "female"), (normal,)), [problem], known)
    assert ("defining-result" in {r.check for r in found.reasons}) is judged
