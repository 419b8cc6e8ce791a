"""Limits of vital signs by age and in pregnancy: below, on and above each, written by hand."""

from __future__ import annotations

import pytest

from cds_hooks.plausibility.chart.finding_index import FindingIndex, findings
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.rules.vital_sign_limits import diastolic, vital_sign_limits
from fhir_mapping.chart import Chart, Code, Fact, Kind, PatientFacts

HEART, BREATH, SYSTOLIC, WARMTH, OXYGEN = "8867-4", "9279-1", "8480-6", "8310-5", "59408-5"
UNIT = {HEART: "/min", BREATH: "/min", SYSTOLIC: "mm[Hg]", WARMTH: "Cel", OXYGEN: "%"}
EXPECTING = Fact("S1", Kind.COMPLAINT, "12 weeks pregnant")
DELIVERED = Fact("S1", Kind.COMPLAINT, "Headache, 5 days postpartum")

# Finding, LOINC code, ages from and to below, a value that tells it and the nearest that does not.
BY_AGE = """
tachycardia 8867-4 0 0.249 182 181
tachycardia 8867-4 0.25 0.499 176 175
tachycardia 8867-4 0.5 0.749 169 168
tachycardia 8867-4 0.75 0.99 162 161
tachycardia 8867-4 1 1.49 157 156
tachycardia 8867-4 1.5 1.99 150 149
tachycardia 8867-4 2 2.99 143 142
tachycardia 8867-4 3 3.99 137 136
tachycardia 8867-4 4 5.99 132 131
tachycardia 8867-4 6 7.99 124 123
tachycardia 8867-4 8 11.99 116 115
tachycardia 8867-4 12 14.99 109 108
tachycardia 8867-4 15 17.99 105 104
tachycardia 8867-4 18 90 101 100
bradycardia 8867-4 0 0.249 106 107
bradycardia 8867-4 0.25 0.499 103 104
bradycardia 8867-4 0.5 0.749 97 98
bradycardia 8867-4 0.75 0.99 92 93
bradycardia 8867-4 1 1.49 87 88
bradycardia 8867-4 1.5 1.99 81 82
bradycardia 8867-4 2 2.99 75 76
bradycardia 8867-4 3 3.99 69 70
bradycardia 8867-4 4 5.99 64 65
bradycardia 8867-4 6 7.99 58 59
bradycardia 8867-4 8 11.99 51 52
bradycardia 8867-4 12 14.99 46 47
bradycardia 8867-4 15 17.99 42 43
bradycardia 8867-4 18 90 49 50
tachypnea 9279-1 0 0.99 61 60
tachypnea 9279-1 1 2.99 41 40
tachypnea 9279-1 3 5.99 35 34
tachypnea 9279-1 6 11.99 31 30
tachypnea 9279-1 12 90 22 21
low-saturation 59408-5 0 90 91 92
hypotension 8480-6 0 0.0766 59 60
hypotension 8480-6 0.0767 0.99 69 70
hypotension 8480-6 1 1 71 72
hypotension 8480-6 5 5 79 80
hypotension 8480-6 9 9 87 88
hypotension 8480-6 10 90 89 90
severe-hypertension 8480-6 18 90 180 179
raised-pressure 8480-6 13 17.99 130 129
raised-pressure 8480-6 18 90 140 139
fever 8310-5 0 4.99 38.0 37.9
fever 8310-5 5 90 38.0 37.9
hypothermia 8310-5 0 0.0766 36.4 36.5
hypothermia 8310-5 0.0767 90 34.9 35.0
hyperthermia 8310-5 0 90 40.1 40.0
"""
ROWS = [tuple(line.split()) for line in BY_AGE.strip().splitlines()]

# The same in pregnancy.
PREGNANT = """
tachycardia 8867-4 111 110
tachypnea 9279-1 25 24
severe-hypertension 8480-6 160 159
raised-pressure 8480-6 140 139
"""
IN_PREGNANCY = [tuple(line.split()) for line in PREGNANT.strip().splitlines()]


def sign(code: str, value: float, text: str = "") -> Fact:
    codes = (Code("http://loinc.org", code),)
    return Fact("V1", Kind.VITAL, text or f"{value}", codes, value, unit=UNIT[code], days_ago=0.0)


def tells(finding: str, age: float | None, *facts: Fact) -> bool:
    chart = Chart(PatientFacts(age, "female"), facts)
    return bool(FindingIndex(index_chart(chart, None)).facts(finding))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:4]))
def test_a_sign_on_the_limit_of_its_age(row: tuple[str, ...]) -> None:
    finding, code, first, last, value, nearest = row
    for age in (float(first), float(last)):
        assert tells(finding, age, sign(code, float(value)))
        assert not tells(finding, age, sign(code, float(nearest)))


@pytest.mark.parametrize("row", IN_PREGNANCY, ids=lambda row: row[0])
@pytest.mark.parametrize("state", [EXPECTING, DELIVERED], ids=["pregnant", "postpartum"])
def test_a_sign_on_the_limit_of_pregnancy(state: Fact, row: tuple[str, ...]) -> None:
    finding, code, value, nearest = row
    assert tells(finding, 30.0, state, sign(code, float(value)))
    assert not tells(finding, 30.0, state, sign(code, float(nearest)))


@pytest.mark.parametrize(
    ("finding", "facts", "value", "nearest"),
    [
        ("severe-hypertension", (), 120, 119),
        ("severe-hypertension", (EXPECTING,), 110, 109),
        ("raised-pressure", (), 90, 89),
        ("raised-pressure", (DELIVERED,), 90, 89),
    ],
)
def test_a_diastolic_pressure_on_its_limit(
    finding: str, facts: tuple[Fact, ...], value: int, nearest: int
) -> None:
    assert tells(finding, 30.0, *facts, sign(SYSTOLIC, 128.0, f"Blood pressure 128/{value} mmHg"))
    told = sign(SYSTOLIC, 128.0, f"Blood pressure 128/{nearest} mmHg")
    assert not tells(finding, 30.0, *facts, told)


def test_a_teenagers_diastolic_pressure_on_its_limit() -> None:
    assert tells("raised-pressure", 15.0, sign(SYSTOLIC, 120.0, "Blood pressure 120/80 mmHg"))
    assert not tells("raised-pressure", 15.0, sign(SYSTOLIC, 120.0, "Blood pressure 120/79 mmHg"))


def test_a_usual_range_beside_a_pressure_is_no_pressure() -> None:
    fact = sign(SYSTOLIC, 128.0, "Blood pressure 128/84 mmHg (usual 91-139/to 89)")
    assert diastolic(fact) == 84.0
    assert diastolic(sign(HEART, 80.0, "Heart rate 80/100")) is None


def test_a_denied_pregnancy_does_not_change_a_limit() -> None:
    denied = Fact("S1", Kind.COMPLAINT, "Not pregnant")
    assert not tells("severe-hypertension", 30.0, denied, sign(SYSTOLIC, 165.0))


@pytest.mark.parametrize(("rate", "told"), [(101.0, True), (100.0, False)])
def test_without_an_age_the_limits_are_an_adults(rate: float, told: bool) -> None:
    assert tells("tachycardia", None, sign(HEART, rate)) is told


def test_a_childs_pressure_is_not_judged_without_a_published_limit() -> None:
    assert not tells("raised-pressure", 12.99, sign(SYSTOLIC, 170.0))
    assert not tells("severe-hypertension", 17.99, sign(SYSTOLIC, 200.0))


def test_every_limit_is_in_the_lists_and_has_a_source() -> None:
    listed = [*(row[0] for row in ROWS), *(row[0] for row in IN_PREGNANCY)]
    rows = [limit for known in vital_sign_limits().values() for limit in known]
    extra = 2  # hypotension from 1 to 10 years, by three ages
    assert len(rows) == len(listed) - extra
    assert {limit.finding for limit in rows} <= findings().keys()
    assert all(len(limit.source) > 30 and limit.says for limit in rows)
