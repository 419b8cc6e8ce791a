"""Dosage instructions as a phrase, from their text or their parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.resources.dosage import dose_text


def _repeat(frequency: float, period: float, unit: str) -> dict[str, Any]:
    return {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit}}


@pytest.mark.parametrize(
    ("dosage", "text"),
    [
        ({"text": "1 tablet at night."}, "1 tablet at night"),
        ({"timing": _repeat(1, 1, "d")}, "once daily"),
        ({"timing": _repeat(7, 1.0, "d")}, "7 times daily"),
        ({"timing": _repeat(1, 1, "mo")}, "once monthly"),
        ({"timing": _repeat(1, 1, "h")}, "every hour"),
        ({"timing": _repeat(1, 1, "s")}, "every second"),
        ({"timing": _repeat(1, 3, "wk")}, "every 3 weeks"),
        ({"timing": _repeat(2, 3, "d")}, "twice every 3 days"),
        ({"timing": {"code": {"text": "Q6H"}}, "asNeededBoolean": True}, "Q6H as needed"),
        ({"doseQuantity": {"value": 7, "unit": "mL"}, "route": {"text": "Oral"}}, "7 mL oral"),
        ({"asNeededFor": [{"text": "pain"}]}, "as needed for pain"),
        (
            {"timing": _repeat(1, 1, "zork")},
            "(as sent: frequency 1; period 1; periodUnit zork)",
        ),
        ("nonsense", ""),
    ],
)
def test_a_dosage_is_told_as_a_phrase(dosage: Any, text: str) -> None:
    assert dose_text([dosage], TextCleaner()) == text


def repeat(**elements: Any) -> dict[str, Any]:
    return {"timing": {"repeat": elements}}


DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}
TWICE = {"frequency": 2, "period": 1, "periodUnit": "d"}
WEEKLY = {"frequency": 1, "period": 1, "periodUnit": "wk"}
GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def mg(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}


@pytest.mark.parametrize(
    ("dosage", "text"),
    [
        # Days of the week say when a daily dose is given.
        (repeat(dayOfWeek=["mon"], **DAILY), "on Mondays"),
        (repeat(dayOfWeek=["mon"], **WEEKLY), "on Mondays"),
        (repeat(dayOfWeek=["mon"]), "on Mondays"),
        (repeat(dayOfWeek=["thu", "mon"], **DAILY), "on Mondays and Thursdays"),
        (repeat(dayOfWeek=["mon", "wed", "fri"], **DAILY), "on Mondays, Wednesdays and Fridays"),
        (repeat(dayOfWeek=["mon", "thu"], **TWICE), "twice daily on Mondays and Thursdays"),
        (repeat(dayOfWeek=["mon", "thu"], **WEEKLY), "once weekly on Mondays and Thursdays"),
        (repeat(dayOfWeek=["mon"], frequency=1, period=2, periodUnit="wk"),
         "every 2 weeks on Mondays"),
        (repeat(dayOfWeek=["someday"], **DAILY),
         "(as sent: dayOfWeek someday; frequency 1; period 1; periodUnit d)"),
        # Times and events of the day.
        (repeat(timeOfDay=["08:00:00", "20:00:00"], **TWICE), "at 08:00 and 20:00"),
        (repeat(when=["MORN"]), "in the morning"),
        (repeat(when=["MORN", "EVE"], **TWICE), "in the morning and in the evening"),
        (repeat(when=["HS"], **DAILY), "before going to sleep"),
        (repeat(when=["ACM"], offset=30), "30 min before breakfast"),
        (repeat(when=["PCV"], offset=120), "2 h after dinner"),
        (repeat(when=["ZZZ"], **DAILY),
         "(as sent: when ZZZ; frequency 1; period 1; periodUnit d)"),
        # Ranges.
        (repeat(frequency=1, frequencyMax=2, period=1, periodUnit="d"), "1 to 2 times daily"),
        (repeat(frequency=1, period=4, periodMax=6, periodUnit="h"), "every 4 to 6 hours"),
        (repeat(count=3, countMax=5, **DAILY), "once daily (3 to 5 times in all)"),
        (repeat(count=1), "(1 time in all)"),
        (repeat(boundsDuration={"value": 5, "unit": "d"}, **TWICE), "twice daily for 5 d"),
        (repeat(duration=30, durationUnit="min", **DAILY), "once daily over 30 minutes"),
        (repeat(unheardOf=True, **DAILY),
         "(as sent: unheardOf True; frequency 1; period 1; periodUnit d)"),
        # Codes.
        ({"timing": {"code": {"coding": [{"system": GTS, "code": "BID"}]}}}, "twice daily"),
        ({"timing": {"code": {"coding": [{"system": "urn:x", "code": "BID"}]}}}, "code BID"),
        ({"timing": {"code": {"text": "every other night"}, "repeat": DAILY}},
         "every other night"),
        ({"timing": {"code": {"text": "QD"}, "repeat": {"when": ["HS"]}}},
         "before going to sleep"),
        # Amounts.
        ({"doseAndRate": [{"doseRange": {"low": mg(5), "high": mg(10)}}]}, "5 mg to 10 mg"),
        ({"doseAndRate": [{"doseRange": {"high": mg(10)}}]}, "up to 10 mg"),
        ({"doseAndRate": [{"rateRatio": {"numerator": {"value": 100, "unit": "mL"},
                                         "denominator": {"value": 1, "unit": "h"}}}]},
         "100 mL per h"),
        ({"doseAndRate": [{"doseQuantity": mg(500),
                           "rateRatio": {"numerator": {"value": 250, "unit": "mL"},
                                         "denominator": {"value": 8, "unit": "h"}}}]},
         "500 mg at 250 mL per 8 h"),
        ({"doseAndRate": [{"type": {"text": "calculated"}, "doseQuantity": mg(7)},
                          {"type": {"coding": [{"code": "ordered"}]}, "doseQuantity": mg(8)}]},
         "8 mg"),
        ({"doseQuantity": mg(1000), "asNeededBoolean": True,
          "maxDosePerPeriod": {"numerator": mg(4000), "denominator": {"value": 1, "unit": "d"}}},
         "1000 mg as needed, at most 4000 mg per d"),
        ({"maxDosePerAdministration": mg(20)}, "at most 20 mg at a time"),
        ({"doseQuantity": mg(1), "site": {"text": "Left eye"}}, "1 mg (left eye)"),
    ],
)  # fmt: skip
def test_a_schedule_is_said_exactly_or_as_it_was_sent(dosage: dict[str, Any], text: str) -> None:
    assert dose_text([dosage], TextCleaner()) == text


def step(text: str, sequence: int | None = None) -> dict[str, Any]:
    return {"text": text} | ({} if sequence is None else {"sequence": sequence})


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([step("40 mg for 5 days", 1), step("20 mg for 5 days", 2)],
         "40 mg for 5 days, then 20 mg for 5 days"),
        ([step("20 mg", 2), step("40 mg", 1)], "40 mg, then 20 mg"),
        ([step("1 at dawn"), step("2 at dusk")], "1 at dawn; 2 at dusk"),
        ([step("a", 1), step("b", 1), step("c", 2)], "a; b, then c"),
        ([step("a", 1), step("a", 1)], "a"),
        ([step(str(n), n) for n in range(1, 9)],
         "1, then 2, then 3, then 4, then 5, then 6 (and 2 more)"),
    ],
)  # fmt: skip
def test_steps_follow_each_other_by_sequence(steps: list[dict[str, Any]], text: str) -> None:
    assert dose_text(steps, TextCleaner()) == text


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["MORN"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["repeat", "when", "period", "periodUnit", "dayOfWeek", "timeOfDay", "code",
                         "frequency", "offset", "duration", "low", "numerator", "value"]),
        inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(
    st.sampled_from(["timing", "doseAndRate", "sequence", "maxDosePerPeriod", "site", "text"]),
    ODD, max_size=4))  # fmt: skip
def test_any_dosage_is_text(dosage: dict[str, Any]) -> None:
    assert isinstance(dose_text([dosage], TextCleaner()), str)
