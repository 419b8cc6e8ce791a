"""Limits of the published ranges and of urgent vital signs: below, on and above each, for each age.

The numbers are written by hand from the sources that the tables name, not read from the tables.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Range
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.priority import is_urgent_vital_sign
from fhir_mapping.results.flags import flag_against, range_for
from fhir_mapping.results.interpretations import Interpretation, read_interpretation
from fhir_mapping.results.published_ranges import table_range
from fhir_mapping.tables import table

LOINC = "http://loinc.org"

# LOINC codes, unit, recorded sex, ages from and to below, lowest and highest normal; "-": none.
PUBLISHED = """
2951-2,2947-0 mmol/L - 18 - 136 145
2823-3,6298-4 mmol/L - 18 - 3.5 5.0
2075-0,2069-3 mmol/L - 18 - 98 106
2028-9,20565-8 mmol/L - 18 - 23 30
1963-8 mmol/L - 18 - 23 28
33037-3 mmol/L - 18 - 7 13
3094-0,6299-2 mg/dL - 18 - 8 20
2160-0,38483-4 mg/dL female 18 - 0.5 1.1
2160-0,38483-4 mg/dL male 18 - 0.7 1.3
33914-3,48642-3,48643-1,62238-1,69405-9,88293-6,88294-4,98979-8,98980-6 mL/min/{1.73_m2} - 18 - 60 -
1558-6,76629-5 mg/dL - 18 - 70 99
2345-7,2339-0,41653-7,2340-8 mg/dL - 18 - 70 199
4548-4,17856-6 % - 18 - 4.0 5.6
17861-6,49765-1 mg/dL - 18 - 8.6 10.2
1995-0 mmol/L - 18 - 1.12 1.23
2777-1 mg/dL - 18 - 3.0 4.5
19123-9 mg/dL - 18 - 1.6 2.6
3084-1 mg/dL - 18 - 3.0 7.0
2692-2 mosm/kg - 18 - 275 295
2524-7 mmol/L - 18 - 0.7 2.1
53060-9 mmol/L - 18 - - 0.4
2885-2 g/dL - 18 - 5.5 9.0
1751-7 g/dL - 18 - 3.5 5.5
1975-2 mg/dL - 18 - 0.3 1.0
1968-7 mg/dL - 18 - 0.1 0.3
6768-6 U/L - 18 - 30 120
1742-6,1743-4,1744-2 U/L - 18 - 10 40
1920-8,30239-8 U/L - 18 - 10 40
2324-2 U/L female 18 - 8 40
2324-2 U/L male 18 - 9 50
1798-8 U/L - 18 - 25 125
3040-3 U/L - 18 - 10 140
2532-0,14804-9 U/L - 18 - 80 225
2157-6 U/L female 18 - 30 135
2157-6 U/L male 18 - 55 170
718-7 g/dL female 18 - 12 16
718-7 g/dL male 18 - 14 18
718-7 g/dL - 0.5 2 10.5 -
718-7 g/dL - 2 5 11.0 -
718-7 g/dL - 5 12 11.5 -
718-7 g/dL - 12 15 12.0 -
718-7 g/dL female 15 18 12.0 -
718-7 g/dL male 15 18 13.0 -
4544-3,20570-8,71833-8 % female 18 - 37 47
4544-3,20570-8,71833-8 % male 18 - 42 50
789-8,26453-1 10*6/uL - 18 - 4.2 5.9
6690-2,26464-8,804-5 10*3/uL - 18 - 4.0 11.0
777-3,26515-7 10*3/uL - 18 - 150 450
787-2,30428-7 fL - 18 - 80 98
785-6,28539-5 pg - 18 - 28 32
786-4,28540-3 g/dL - 18 - 33 36
788-0,30385-9 % - 18 - 9.0 14.5
751-8,26499-4 10*3/uL - 18 - 2.0 8.25
731-0,26474-7 10*3/uL - 18 - 1.2 4.95
4537-7,30341-2 mm/h female 18 - - 20
4537-7,30341-2 mm/h male 18 - - 15
5902-2 s - 18 - 11 13
14979-9,3173-2 s - 18 - 25 35
3255-7 mg/dL - 18 - 200 400
10839-9 ng/mL - 18 - - 0.04
30934-4,42637-9 pg/mL - 18 - - 100
1988-5 mg/L - 18 - - 8
33959-8,75241-0 ng/mL - 18 - - 0.1
2744-1 [pH] - 18 - 7.38 7.44
2019-8 mm[Hg] - 18 - 38 42
2703-7 mm[Hg] - 18 - 75 100
1960-4 mmol/L - 18 - 23 26
3024-7 ng/dL - 18 - 0.8 1.8
2731-8 pg/mL - 18 - 10 65
2498-4 ug/dL - 18 - 50 150
2276-4 ng/mL female 18 - 24 307
2276-4 ng/mL male 18 - 24 336
2500-7 ug/dL - 18 - 250 310
2502-3 % - 18 - 20 50
2132-9 pg/mL - 18 - 200 800
2284-8 ng/mL - 18 - 1.8 9.0
62292-8 ng/mL - 18 - 30 60
2093-3 mg/dL - 18 - - 199
2085-9 mg/dL female 18 - 50 -
2085-9 mg/dL male 18 - 40 -
13457-7,18262-6,2089-1 mg/dL - 18 - - 129
2571-8,12951-0 mg/dL - 18 - - 149
3016-3,11580-8 m[IU]/L - 18 - 0.45 4.12
8867-4 /min - 18 - 60 100
8867-4 /min - 0 0.25 107 181
8867-4 /min - 0.25 0.5 104 175
8867-4 /min - 0.5 0.75 98 168
8867-4 /min - 0.75 1 93 161
8867-4 /min - 1 1.5 88 156
8867-4 /min - 1.5 2 82 149
8867-4 /min - 2 3 76 142
8867-4 /min - 3 4 70 136
8867-4 /min - 4 6 65 131
8867-4 /min - 6 8 59 123
8867-4 /min - 8 12 52 115
8867-4 /min - 12 15 47 108
8867-4 /min - 15 18 43 104
9279-1 /min - 16 - 12 20
9279-1 /min - 6 12 18 30
9279-1 /min - 5 6 22 34
9279-1 /min - 1 5 - 39
9279-1 /min - 0.1667 1 - 49
9279-1 /min - 0 0.1667 - 59
8310-5 Cel - 16 - 36.1 38.0
8310-5 Cel - 0 5 - 37.9
8310-5 Cel - 5 16 - 37.9
59408-5,2708-6 % - 18 - 95 -
8480-6 mm[Hg] - 18 - 91 139
8462-4 mm[Hg] - 18 - - 89
39156-5 kg/m2 - 18 - 18.5 24.9
6690-2,26464-8,804-5 10*3/uL - 0 0.0192 9.0 34.0
6690-2,26464-8,804-5 10*3/uL - 0.0192 0.0833 5.0 21.0
6690-2,26464-8,804-5 10*3/uL - 0.0833 0.5 5.0 19.5
6690-2,26464-8,804-5 10*3/uL - 0.5 2 6.0 17.5
6690-2,26464-8,804-5 10*3/uL - 2 4 6.0 17.0
6690-2,26464-8,804-5 10*3/uL - 4 6 5.5 15.5
6690-2,26464-8,804-5 10*3/uL - 6 8 5.0 14.5
6690-2,26464-8,804-5 10*3/uL - 8 16 4.5 13.5
6690-2,26464-8,804-5 10*3/uL - 16 18 4.5 13.0
777-3,26515-7 10*3/uL - 0.0192 18 150 -
2823-3,6298-4 mmol/L - 0 0.0767 3.7 5.9
2823-3,6298-4 mmol/L - 1 18 3.4 5.1
2951-2,2947-0 mmol/L - 0.0767 18 135 145
2160-0,38483-4 mg/dL - 0 0.0411 - 0.92
2160-0,38483-4 mg/dL - 0.0411 2 - 0.36
2160-0,38483-4 mg/dL - 2 5 - 0.43
2160-0,38483-4 mg/dL - 5 12 - 0.61
2160-0,38483-4 mg/dL - 12 15 - 0.81
2160-0,38483-4 mg/dL female 15 18 - 0.84
2160-0,38483-4 mg/dL male 15 18 - 1.08
6768-6 U/L - 0 0.0411 90 273
6768-6 U/L - 0.0411 1 134 518
6768-6 U/L - 1 10 156 369
6768-6 U/L - 10 13 141 460
6768-6 U/L female 13 15 62 280
6768-6 U/L male 13 15 127 517
6768-6 U/L female 15 17 54 128
6768-6 U/L male 15 17 89 365
6768-6 U/L female 17 18 48 95
6768-6 U/L male 17 18 59 164
2345-7,2339-0,41653-7,2340-8 mg/dL - 0 0.0767 47 -
2345-7,2339-0,41653-7,2340-8 mg/dL - 0.0767 18 60 199
1975-2 mg/dL - 0.0833 18 - 1.2
718-7 g/dL - 0 0.0192 13.5 -
718-7 g/dL - 0.0192 0.0383 12.5 -
718-7 g/dL - 0.0383 0.0833 10.0 -
718-7 g/dL - 0.0833 0.5 9.0 -
"""
ROWS = [tuple(line.split()) for line in PUBLISHED.strip().splitlines()]


def flag_of(code: str, value: Decimal, unit: str, age: float | None, sex: str) -> Flag | None:
    found = table_range((Code(LOINC, code, ""),), unit, age, sex)
    return None if found is None else flag_against(float(value), None, found)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:1] + row[2:4]))
def test_a_value_on_the_limits_of_its_published_range(row: tuple[str, ...]) -> None:
    codes, unit, sex, start, end, low, high = row
    sexes = ("female", "male") if sex == "-" else (sex,)
    first = Decimal(start)
    last = Decimal(end) - Decimal("0.0001") if end != "-" else Decimal(100)
    for code in codes.split(","):
        for age in (first, last):
            for own in sexes:
                known = (unit, float(age), own)
                for limit, step, beyond in ((low, -1, Flag.LOW), (high, 1, Flag.HIGH)):
                    if limit == "-":
                        continue
                    on = Decimal(limit)
                    one = step * Decimal(1).scaleb(int(on.as_tuple().exponent))
                    assert flag_of(code, on, *known) is Flag.NORMAL
                    assert flag_of(code, on - one / 10, *known) is Flag.NORMAL
                    assert flag_of(code, on + one / 10, *known) is beyond
        if sex != "-":
            other = "male" if sex == "female" else "female"
            mine = table_range((Code(LOINC, code, ""),), unit, float(first), sex)
            assert table_range((Code(LOINC, code, ""),), unit, float(first), other) != mine


@pytest.mark.parametrize(
    ("code", "unit", "age"),
    [
        ("2075-0", "mmol/L", 17.99),  # adults only
        ("2951-2", "mmol/L", 0.076),  # not of newborns
        ("2823-3", "mmol/L", 0.0767),  # not of infants
        ("2823-3", "mmol/L", 0.99),
        ("777-3", "10*3/uL", 0.019),
        ("1975-2", "mg/dL", 0.083),  # newborns have nomograms by hours of age
        ("3016-3", "m[IU]/L", 17.99),
        ("9279-1", "/min", 12.0),  # no source gives 12 to 16 years
        ("9279-1", "/min", 15.99),
        ("8480-6", "mm[Hg]", 17.99),
        ("2951-2", "mmol/L", None),
    ],
)
def test_an_age_of_which_no_source_speaks_has_no_range(
    code: str, unit: str, age: float | None
) -> None:
    assert table_range((Code(LOINC, code, ""),), unit, age, "female") is None


MOLAR = {
    "3094-0": ["14937-7", "22664-7"], "2160-0": ["14682-9", "59826-8"], "1558-6": ["14771-0"],
    "2345-7": ["14749-6", "15074-8", "14743-9"], "4548-4": ["59261-8"], "17861-6": ["2000-8"],
    "2777-1": ["14879-1"], "19123-9": ["2601-3"], "3084-1": ["14933-6"], "1975-2": ["14631-6"],
    "1968-7": ["14629-0"], "718-7": ["59260-0"], "3024-7": ["14920-3"], "2498-4": ["14798-3"],
    "2500-7": ["14800-7"], "2093-3": ["14647-2"], "2085-9": ["14646-4"], "13457-7": ["22748-8"],
    "2571-8": ["14927-8"],
}  # fmt: skip
"""The codes of the same analytes as an amount of substance, which have the same rows."""


def test_every_published_range_is_in_the_list() -> None:
    assert len(table("ranges")["ranges"]) == len(ROWS)
    listed = [c for row in ROWS for c in row[0].split(",")]
    listed += [molar for c in listed for molar in MOLAR.get(c, ())]
    assert sorted(c for r in table("ranges")["ranges"] for c in r["codes"]) == sorted(listed)


@pytest.mark.parametrize("sex", [None, "other", "unknown"])
def test_a_range_for_one_sex_is_for_no_other(sex: str | None) -> None:
    assert table_range((Code(LOINC, "718-7", ""),), "g/dL", 40, sex) is None
    assert table_range((Code(LOINC, "2951-2", ""),), "mmol/L", 40, sex) is not None


def test_a_unit_that_cannot_be_compared_has_no_range() -> None:
    assert table_range((Code(LOINC, "2951-2", ""),), None, 40, "female") is None
    assert table_range((Code(LOINC, "2951-2", ""),), "kg", 40, "female") is None
    assert table_range((Code(LOINC, "33914-3", ""),), "kg", 40, "female") is None
    assert table_range((Code(LOINC, "1988-5", ""),), "kg", 40, "female") is None


def test_a_range_in_another_unit_keeps_its_open_side() -> None:
    found = table_range((Code(LOINC, "1988-5", ""),), "mg/dL", 40, "female")
    assert found is not None
    assert (found.low, found.high, found.source) == (None, pytest.approx(0.8), "abim")
    oxygen = table_range((Code(LOINC, "2085-9", ""),), "g/L", 40, "male")
    assert oxygen is not None
    assert (oxygen.low, oxygen.high) == (pytest.approx(0.4), None)


def test_the_first_code_that_is_known_counts_and_only_of_loinc() -> None:
    local = Code("http://lab.example.org", "2951-2", "")
    unknown, sodium = Code(LOINC, "1-1", ""), Code("urn:oid:2.16.840.1.113883.6.1", "2951-2", "")
    assert table_range((local,), "mmol/L", 40, "male") is None
    found = table_range((local, unknown, sodium), "mmol/L", 40, "male")
    assert found is not None
    assert (found.low, found.high) == (136, 145)


# Vital signs that score 3 alone in NEWS2 (RCP 2017), and AHA's and WHO's limits for children:
# code, unit, age, a value that is not urgent, one that is.
RED = [
    ("9279-1", "/min", 16, 9, 8),
    ("9279-1", "/min", 16, 24, 25),
    ("59408-5", "%", 16, 92, 91),
    ("2708-6", "%", 16, 92, 91),
    ("59408-5", "%", 0, 90, 89),
    ("59408-5", "%", 15.99, 90, 89),
    ("8480-6", "mm[Hg]", 16, 91, 90),
    ("8480-6", "mm[Hg]", 16, 219, 220),
    ("8480-6", "mm[Hg]", 0, 60, 59),  # a term neonate: below 60
    ("8480-6", "mm[Hg]", 0.076, 60, 59),
    ("8480-6", "mm[Hg]", 0.077, 70, 69),  # to 12 months: below 70
    ("8480-6", "mm[Hg]", 0.99, 70, 69),
    ("8480-6", "mm[Hg]", 1, 72, 71),  # to 10 years: below 70 + 2 x age
    ("8480-6", "mm[Hg]", 1.99, 72, 71),
    ("8480-6", "mm[Hg]", 5, 80, 79),
    ("8480-6", "mm[Hg]", 9.99, 88, 87),
    ("8480-6", "mm[Hg]", 10, 90, 89),  # after: below 90
    ("8480-6", "mm[Hg]", 15.99, 90, 89),
    ("8867-4", "/min", 16, 41, 40),
    ("8867-4", "/min", 16, 130, 131),
    ("8310-5", "Cel", 16, 35.1, 35.0),
]


def vital(code: str, value: float | None, unit: str, days_ago: float | None = 0.0) -> Fact:
    codes = (Code(LOINC, code, ""),)
    return Fact("V1", Kind.VITAL, "x", codes, value, unit=unit, days_ago=days_ago)


def is_red(fact: Fact, age: float | None) -> bool:
    return is_urgent_vital_sign(fact, Chart(PatientFacts(age, "female"), (fact,)))


@pytest.mark.parametrize(("code", "unit", "age", "usual", "red"), RED)
def test_an_urgent_vital_sign_on_its_limit(
    code: str, unit: str, age: float, usual: float, red: float
) -> None:
    assert is_red(vital(code, red, unit), age)
    assert not is_red(vital(code, usual, unit), age)


@pytest.mark.parametrize(
    ("code", "unit", "value"),
    [("9279-1", "/min", 4), ("8867-4", "/min", 20), ("8310-5", "Cel", 30)],
)
def test_no_urgent_vital_sign_where_no_limit_is_published_for_the_age(
    code: str, unit: str, value: float
) -> None:
    assert is_red(vital(code, value, unit), 16)
    assert not is_red(vital(code, value, unit), 15.99)


def test_every_limit_of_an_urgent_vital_sign_is_in_the_list() -> None:
    rows = [(r["name"], r["from_age"]) for r in table("urgent_vital_signs")["vitals"]]
    assert len(rows) == 10
    assert sum("at_least" in r for r in table("urgent_vital_signs")["vitals"]) == 3


@pytest.mark.parametrize(
    ("ago", "red"), [(0, True), (6.9, True), (7, True), (7.1, False), (None, False)]
)
def test_an_urgent_vital_sign_is_of_the_last_week(ago: float | None, red: bool) -> None:
    assert is_red(vital("8867-4", 140, "/min", ago), 40) is red


def test_what_is_no_urgent_vital_sign() -> None:
    assert not is_red(vital("8867-4", None, "/min"), 40)
    assert not is_red(vital("8867-4", 140, "/min"), None)
    assert not is_red(vital("8867-4", 140, "kg"), 40)
    assert not is_red(vital("1-1", 140, "/min"), 40)
    lab = Fact("L1", Kind.LAB, "x", (Code(LOINC, "8867-4", ""),), 140.0, unit="/min", days_ago=0.0)
    assert not is_red(lab, 40)


@pytest.mark.parametrize(
    ("value", "comparator", "low", "high", "flag"),
    [
        (2.9, None, 3, 7, Flag.LOW),
        (3, None, 3, 7, Flag.NORMAL),
        (7, None, 3, 7, Flag.NORMAL),
        (7.1, None, 3, 7, Flag.HIGH),
        (0, None, None, 7, Flag.NORMAL),
        (9, None, 3, None, Flag.NORMAL),
        # "Less than" tells the value's upper end only, "more than" its lower end only.
        (2.9, "<", 3, 7, Flag.LOW),
        (3, "<", 3, 7, Flag.LOW),
        (3.1, "<", 3, 7, None),
        (8, "<", 3, 7, None),
        (2.9, "<=", 3, 7, Flag.LOW),
        (3, "<=", 3, 7, Flag.LOW),
        (6.9, "<", None, 7, Flag.NORMAL),
        (7, "<", None, 7, Flag.NORMAL),
        (7.1, "<", None, 7, None),
        (5, "<", 6, None, Flag.LOW),
        (5, "<", 4, None, None),
        (7.1, ">", 3, 7, Flag.HIGH),
        (7, ">", 3, 7, Flag.HIGH),
        (6.9, ">", 3, 7, None),
        (7, ">=", 3, 7, Flag.HIGH),
        (3, ">", 3, None, Flag.NORMAL),
        (3.1, ">", 3, None, Flag.NORMAL),
        (2.9, ">", 3, None, None),
        (2, ">", None, None, None),
        (2, "<", None, None, None),
    ],
)
def test_a_value_against_a_range(
    value: float, comparator: str | None, low: float | None, high: float | None, flag: Flag | None
) -> None:
    assert flag_against(value, comparator, Range(low, high)) is flag


def chosen(*ranges: dict[str, Any], age: float | None = 40, sex: str | None = "female") -> Any:
    found = range_for(list(ranges), TextCleaner(), "g/L", age, sex)
    return None if found is None else (found.low, found.high)


def sent(low: float | None = 1, high: float | None = 2, **rest: Any) -> dict[str, Any]:
    limits = {"low": low, "high": high}
    return {**{k: {"value": v} for k, v in limits.items() if v is not None}, **rest}


def aged(low: Any = None, high: Any = None, unit: str = "a") -> dict[str, Any]:
    limits = {"low": low, "high": high}
    return {k: {"value": v, "code": unit} for k, v in limits.items() if v is not None}


@pytest.mark.parametrize(
    ("age", "limits", "fits"),
    [
        (17.9, aged(18), False),
        (18, aged(18), True),
        (18.1, aged(18), True),
        (64.9, aged(None, 65), True),
        (65, aged(None, 65), True),
        (65.1, aged(None, 65), False),
        (40, aged(18, 65), True),
        (10, aged(18, 65), False),
        (80, aged(18, 65), False),
        (None, aged(18), False),
        (None, {}, True),
        (None, "18", True),
        *((17.9, aged(18, unit=unit), False) for unit in ("years", "year")),
        *((18, aged(18, unit=unit), True) for unit in ("years", "year")),
        *((65.1, aged(None, 65, unit=unit), False) for unit in ("years", "year")),
        (0.5, aged(6, unit="mo"), True),
        (0.49, aged(6, unit="mo"), False),
        (0.1, aged(6, unit="wk"), False),
        (0.12, aged(6, unit="wk"), True),
        (0.02, aged(None, 7, unit="d"), False),
        (0.019, aged(None, 7, unit="d"), True),
    ],
)
def test_the_age_of_a_sent_range(age: float | None, limits: Any, fits: bool) -> None:
    assert (chosen(sent(age=limits), age=age) is not None) is fits


def applies(*codes: str) -> dict[str, Any]:
    return {"appliesTo": [{"coding": [{"code": code} for code in codes]}]}


@pytest.mark.parametrize(
    ("codes", "sex", "fits"),
    [
        (("female",), "female", True),
        (("F",), "female", True),
        (("248152002",), "female", True),
        (("male",), "female", False),
        (("M",), "male", True),
        (("248153007",), "male", True),
        (("female", "male"), "male", True),
        (("female",), None, False),
        (("female",), "unknown", False),
        (("pregnant",), None, False),
    ],
)
def test_whom_a_sent_range_is_for(codes: tuple[str, ...], sex: str | None, fits: bool) -> None:
    assert (chosen(sent(**applies(*codes)), sex=sex) is not None) is fits


@pytest.mark.parametrize(
    ("kind", "fits"),
    [("normal", True), ("critical", False), ("recommended", False), ("", True)],
)
def test_the_type_of_a_sent_range(kind: str, fits: bool) -> None:
    assert (chosen(sent(type={"coding": [{"code": kind}]})) is not None) is fits


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1, 2, (1, 2)),
        (1, 1, (1, 1)),
        (2, 1, None),
        (0, 0, None),
        (0, 5, (0, 5)),
        (1, None, (1, None)),
        (None, 2, (None, 2)),
        (None, None, None),
    ],
)
def test_a_sent_range_that_can_be_used(
    low: float | None, high: float | None, told: tuple[float | None, ...] | None
) -> None:
    assert chosen(sent(low, high)) == told


def test_the_next_range_is_tried_where_one_cannot_be_used() -> None:
    assert chosen(sent(2, 1), sent(3, 4)) == (3, 4)
    assert chosen(sent(age=aged(65)), sent(3, 4), sent(5, 6)) == (3, 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1-2", (1, 2)),
        ("1 to 2 g/L", (1, 2)),
        ("1.25-2.5", (1.25, 2.5)),
        ("1234567-7654321", (1234567, 7654321)),
        ("12345678-2", None),
        ("< 5", (None, 5)),
        ("<= 5", (None, 5)),
        ("\u2264 5", (None, 5)),
        ("> 5", (5, None)),
        (">= 5", (5, None)),
        ("\u2265 5", (5, None)),
        ("1-2-3", None),
        ("1-2x", None),
        ("1-2, adults", None),
    ],
)
def test_a_written_range(text: str, told: tuple[float | None, ...] | None) -> None:
    assert chosen({"text": text}) == told


@pytest.mark.parametrize(
    ("codes", "flag", "words"),
    [
        (["N"], Flag.NORMAL, ""),
        (["POS", "H"], Flag.HIGH, "positive"),
        (["neg"], None, "negative"),
        (["H", "L"], Flag.HIGH, ""),
        (["zz"], None, ""),
        ([], None, ""),
    ],
)
def test_the_first_interpretation_that_says_something(
    codes: list[str], flag: Flag | None, words: str
) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    told = [{"coding": [{"system": system, "code": code}]} for code in codes]
    assert read_interpretation(told, TextCleaner()) == Interpretation(flag, words)
    assert read_interpretation([*codes], TextCleaner()) == Interpretation(flag, words)
