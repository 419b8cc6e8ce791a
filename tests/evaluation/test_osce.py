"""OSCE cases as charts: nothing told is lost, nothing is made up."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.evaluation.suites.charts import ChartBuilder, parse_age, parse_sex
from cds_hooks.evaluation.suites.osce import Examination, load_osce, osce_resources
from cds_hooks.evaluation.suites.osce_results import read_pressure, read_result, read_vital
from cds_hooks.evaluation.suites.suite import Suite
from cds_hooks.services import REGISTRY
from fhir_mapping import map_chart
from fhir_mapping.chart import Flag, Kind
from tests.sample.places import Data

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASES = {"sample": 25, "shared": 107}


@pytest.fixture(scope="module")
def osce(data: Data) -> Suite:
    return load_osce(data.osce, now=NOW)


def test_every_case_is_read(osce: Suite, data: Data) -> None:
    assert (len(osce.cases), osce.rejected) == (CASES[data.name], ())
    assert len({c.id for c in osce.cases}) == CASES[data.name]


def test_a_case_is_known_by_its_line_and_has_what_the_line_says(sample: Data) -> None:
    cases = {c.id: c for c in load_osce(sample.osce, now=NOW).cases}
    first, child = cases["osce-001"], cases["osce-017"]
    assert (first.gold.names, first.age_years, first.recorded_sex) == (
        ("Pulmonary embolism",),
        44.0,
        "female",
    )
    assert (child.gold.names, child.age_years, child.recorded_sex) == (
        ("Nephrotic syndrome",),
        6.0,
        "male",
    )
    chart = map_chart(list(first.resources), patient_id="osce-001", now=NOW)
    [dimer] = [f for f in chart.of(Kind.LAB) if "dimer" in f.text]
    assert (dimer.value, dimer.unit, dimer.flag) == (3.4, "mg/L", Flag.HIGH)
    assert {f.text for f in chart.of(Kind.COMPLAINT)} == {
        "Sudden shortness of breath",
        "Sharp chest pain on breathing in",
        "Sore left calf",
    }


def test_where_the_answer_stands_in_the_text_the_case_is_marked(sample: Data) -> None:
    cases = load_osce(sample.osce, now=NOW).cases
    leaking = {c.id for c in cases if "answer-in-text" in c.tags}
    assert leaking == {"osce-006", "osce-012", "osce-024"}


def test_in_about_one_published_case_in_seven_the_answer_stands_in_the_text(
    shared_data: Path,
) -> None:
    osce = load_osce(shared_data / "eval" / "osce_cases.jsonl", now=NOW)
    leaking = [c for c in osce.cases if "answer-in-text" in c.tags]
    assert 12 <= len(leaking) <= 19


def test_every_resource_is_valid_and_becomes_a_fact(osce: Suite) -> None:
    for case in osce.cases[::6]:
        for resource in case.resources:
            get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource))
        chart = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW)
        assert {o.reason for o in chart.omissions} <= {"told-as-patient"}
        assert not chart.quality


def test_what_is_made_is_what_the_service_asks_for(osce: Suite) -> None:
    asked = " ".join(q for s in REGISTRY for q in s.prefetch.values())
    made = {r["resourceType"] for c in osce.cases for r in c.resources}
    assert all(f"{kind}" in asked for kind in made)
    categories = {
        r["category"][0]["coding"][0]["code"]
        for c in osce.cases
        for r in c.resources
        if r["resourceType"] == "Observation"
    }
    assert categories == {"vital-signs", "laboratory"}
    assert all(f"category={c}" in asked for c in categories)


def test_the_truth_is_not_a_resource_and_ages_and_sexes_are_right(osce: Suite) -> None:
    for case in osce.cases:
        assert all(r["resourceType"] != "Bundle" for r in case.resources)
        chart = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW)
        if case.age_years is not None:
            assert chart.patient.age_years == pytest.approx(case.age_years, abs=0.01)
        assert chart.patient.recorded_sex == case.recorded_sex


def test_no_sentence_of_history_is_lost(osce: Suite, data: Data) -> None:
    rows = data.osce.read_text("utf-8").splitlines()
    for case, row in zip(osce.cases, rows, strict=True):
        told = " ".join(texts(case.resources))
        history = json.loads(row)["OSCE_Examination"]["Patient_Actor"]["History"]
        assert all(word in told for word in history.split())


def texts(resources: Any) -> list[str]:
    found = []
    for r in resources:
        if r["resourceType"] == "DocumentReference":
            data = r["content"][0]["attachment"]["data"]
            found.append(base64.b64decode(data).decode())
    return found


def build(**parts: Any) -> list[dict[str, Any]]:
    row = {"Patient_Actor": {"Demographics": "30-year-old man"}, "Correct_Diagnosis": "x", **parts}
    return osce_resources(Examination.model_validate(row), "p", NOW)


def test_what_was_done_about_the_patient_is_left_out() -> None:
    tests = {"Interventions": {"Immediate_Care": ["Needle decompression"]}, "CRP": "Elevated"}
    made = build(Test_Results=tests, Management_and_Follow_Up={"Plan": "Needle decompression"})
    assert "decompression" not in json.dumps(made)
    assert "CRP" in json.dumps(made)


@pytest.mark.parametrize("said", ["Not provided", "data not provided.", "NA", " ", "Pending"])
def test_a_result_that_is_none_makes_no_fact(said: str) -> None:
    made = build(
        Test_Results={"CRP": said}, Physical_Examination_Findings={"Vital_Signs": {"Pulse": said}}
    )
    assert [r["resourceType"] for r in made] == ["Patient", "Encounter"]


def test_imaging_is_a_report_and_a_blood_count_is_a_result() -> None:
    tests = {
        "Chest_X-Ray": {"Findings": "Clear"},
        "Complete_Blood_Count": {"WBC": "7,000 /\u03bcL"},
    }
    made = build(Test_Results=tests)
    kinds = {r["code"]["text"]: r["resourceType"] for r in made if "code" in r}
    assert kinds == {"Chest X-Ray": "DiagnosticReport", "WBC (Complete Blood Count)": "Observation"}


def test_problems_and_drugs_that_are_listed_are_entries_of_their_own() -> None:
    actor = {
        "Demographics": "30-year-old man",
        "Past_Medical_History": ["Hypertension", "Gout"],
        "Current_Medications": ["Enalapril"],
    }
    chart = map_chart(build(Patient_Actor=actor), patient_id="p", now=NOW)
    assert {f.text for f in chart.of(Kind.PROBLEM)} == {"Hypertension", "Gout"}
    assert [f.text for f in chart.of(Kind.MEDICATION)] == ["Enalapril"]


@pytest.mark.parametrize(
    ("text", "value", "flag"),
    [
        ("13.2 g/dL", {"value": 13.2, "unit": "g/dL"}, ""),
        ("700,000 /\u03bcL (elevated)", {"value": 700000.0, "unit": "/\u03bcL"}, "H"),
        ("< 5 mg/L", {"value": 5.0, "unit": "mg/L", "comparator": "<"}, ""),
        ("6.7", {"value": 6.7}, ""),
        ("80%", {"value": 80.0, "unit": "%"}, ""),
        ("41 mg/dL (low).", {"value": 41.0, "unit": "mg/dL"}, "L"),
    ],
)
def test_numbers_become_quantities(text: str, value: dict[str, Any], flag: str) -> None:
    read = read_result("x", text)
    assert (read.value, read.flag) == ({"valueQuantity": value}, flag)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Elevated", "H"),
        ("Within normal limits", "N"),
        ("3% binucleated cells with granular cytoplasm", ""),
        ("700,000 cells/m3 (thrombocytosis)", ""),
        ("10-20 /HPF", ""),
        ("135/85 mmHg", ""),
        ("6.5 mmol/L (117 mg/dL) - Indicative of controlled diabetes.", ""),
    ],
)
def test_what_is_no_one_number_stays_text(text: str, flag: str) -> None:
    read = read_result("x", text)
    assert (read.value, read.flag) == ({"valueString": text}, flag)


@pytest.mark.parametrize(
    ("key", "text", "number"),
    [
        ("Temperature", "36.5\u00b0C (97.7\u00b0F)", 36.5),
        ("Temperature", "101\u00b0F (38.3\u00b0C)", 38.3),
        ("Temperature", "104\u00b0F", 40.0),
        ("Temperature", "36.8\u2103 (98.2\u2109)", 36.8),
        ("Heart_Rate", "130 bpm (elevated for age)", 130.0),
        ("Pulse", "97/min", 97.0),
        ("Oxygen_Saturation", "95% on room air", 95.0),
        ("BMI", "31 kg/m2", 31.0),
        ("Weight", "45 kg (99 lbs)", 45.0),
    ],
)
def test_vital_signs_in_their_units(key: str, text: str, number: float) -> None:
    assert read_vital(key, text).value["valueQuantity"]["value"] == number


def test_a_course_of_a_vital_sign_is_not_one_value() -> None:
    text = "Initially 141/min and irregularly irregular, later increases to 160/min"
    assert read_vital("Heart_Rate", text).value == {"valueString": text}


def test_a_blood_pressure_has_its_two_parts() -> None:
    parts = read_pressure("Left arm 140/100 mm Hg").value["component"]
    assert [p["valueQuantity"]["value"] for p in parts] == [140.0, 100.0]
    assert read_pressure("Normal").flag == "N"


def test_flags_reach_the_chart() -> None:
    made = build(Test_Results={"Blood": {"CRP": "Elevated", "Iron": "Decreased", "Urea": "Normal"}})
    flags = {
        f.text.split()[0]: f.flag for f in map_chart(made, patient_id="p", now=NOW).of(Kind.LAB)
    }
    assert flags == {"CRP": Flag.HIGH, "Iron": Flag.LOW, "Urea": Flag.NORMAL}


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("35-year-old female", 35),
        ("18-month-old boy", 1.5),
        ("4-week-old female newborn", 28 / 365.25),
        ("2-day-old male infant", 2 / 365.25),
        ("Newborn, female", 0),
        ("a 9 month old", 0.75),
        ("college student", None),
        ("for 3 years, old scars", None),
    ],
)
def test_ages(text: str, age: float | None) -> None:
    assert parse_age(text) == (None if age is None else pytest.approx(age))


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("35-year-old woman and her husband", "female"),
        ("a boy", "male"),
        ("a human", None),
        ("man brought by his wife, a woman", "male"),
        ("infant", None),
    ],
)
def test_sexes(text: str, sex: str | None) -> None:
    assert parse_sex(text) == sex


@given(st.text(max_size=4000))
def test_a_note_is_told_whole_whatever_its_length(text: str) -> None:
    chart = ChartBuilder("p", NOW)
    chart.note("Note", text)
    assert "".join("".join(texts(chart.resources)).split()) == "".join(text.split())


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_becomes_a_value(name: str, text: str) -> None:
    for read in (read_result(name, text), read_vital(name, text), read_pressure(text)):
        assert read.value
