"""Generated patients: the stay that says the diagnosis is gone, and a look-up is told beside."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.research.clinosim import ChartForm, load_clinosim, strip_stay
from cds_hooks.evaluation.suites.duplicates import near_duplicates, shared_cases
from cds_hooks.evaluation.suites.leaks import answer_in_text
from cds_hooks.evaluation.suites.lookup import look_up
from cds_hooks.evaluation.suites.osce import load_osce
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite, Task
from cds_hooks.evaluation.suites.times import latest, shift
from cds_hooks.evaluation.suites.vignettes import load_vignettes
from fhir_mapping import map_chart
from fhir_mapping.chart import Kind
from tests.sample.places import Data

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS = {"Patient", "Encounter", "Condition", "Observation", "AllergyIntolerance"}


@pytest.fixture(scope="module", params=list(ChartForm))
def suite(request: pytest.FixtureRequest, data: Data) -> Suite:
    return load_clinosim(data.stays, request.param, now=NOW)


def test_all_patients_are_read_in_every_form(suite: Suite, data: Data) -> None:
    assert (len(suite.cases), suite.rejected) == ({"sample": 6, "shared": 12}[data.name], ())
    assert all(c.gold.codes and c.age_years is not None for c in suite.cases)


def test_nothing_made_in_the_stay_is_left_but_first_results(suite: Suite) -> None:
    for case in suite.cases:
        assert {r["resourceType"] for r in case.resources} <= KINDS
        encounters = [r for r in case.resources if r["resourceType"] == "Encounter"]
        assert [e["class"]["code"] for e in encounters] == ["EMER"]
        assert "end" not in encounters[0]["period"]
        codes = [
            json.dumps(r["code"]) for r in case.resources if r["resourceType"] == "Observation"
        ]
        assert len(codes) == len(set(codes))


def test_the_diagnosis_is_nowhere_unless_it_was_recorded_before(suite: Suite) -> None:
    for case in suite.cases:
        whole = json.dumps(case.resources)
        assert case.gold.codes[0].display not in whole or "gold-recorded" in case.tags
        assert "cutoff" not in whole


def test_the_truth_is_what_the_stay_says(sample: Data) -> None:
    cases = load_clinosim(sample.stays, ChartForm.AS_WRITTEN, now=NOW).cases
    truths = {c.id.partition("/")[2]: (c.gold.codes[0].code, c.recorded_sex) for c in cases}
    assert truths == {
        "acute_appendicitis": ("K35.80", "male"),
        "bacterial_pneumonia": ("J15.9", "female"),
        "diabetic_ketoacidosis": ("E10.10", "female"),
        "heart_failure_exacerbation": ("I50.9", "male"),
        "pulmonary_embolism": ("I26.99", "male"),
        "sepsis": ("A41.9", "female"),
    }


def test_of_two_results_the_first_is_shown(sample: Data) -> None:
    cases = load_clinosim(sample.stays, ChartForm.RESULTS, now=NOW).cases
    sepsis = next(c for c in cases if c.id.endswith("sepsis"))
    chart = map_chart(list(sepsis.resources), patient_id=sepsis.patient_id, now=NOW)
    values = sorted(f.value for f in chart.of(Kind.LAB) if isinstance(f.value, float))
    assert values == [2.3, 4.4, 4.6, 19.4, 212.0]


def test_forms_show_less_and_less(data: Data) -> None:
    def facts(form: ChartForm, kind: Kind) -> list[str]:
        made = load_clinosim(data.stays, form, now=NOW)
        case = next(c for c in made.cases if c.id.endswith("sepsis"))
        chart = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW)
        return [f.text for f in chart.of(kind)]

    assert facts(ChartForm.AS_WRITTEN, Kind.COMPLAINT) == [
        "Fever, altered mental status, hypotension"
    ]
    reworded = facts(ChartForm.REWORDED, Kind.COMPLAINT)
    assert len(reworded) == 1
    assert "Fever" not in reworded[0]
    assert facts(ChartForm.WITHOUT_COMPLAINT, Kind.COMPLAINT) == []
    assert facts(ChartForm.WITHOUT_COMPLAINT, Kind.PROBLEM) != []
    assert facts(ChartForm.RESULTS, Kind.PROBLEM) == facts(ChartForm.RESULTS, Kind.SOCIAL) == []
    assert facts(ChartForm.RESULTS, Kind.LAB) == facts(ChartForm.AS_WRITTEN, Kind.LAB) != []


def test_charts_are_moved_to_now(suite: Suite) -> None:
    for case in suite.cases:
        chart = map_chart(list(case.resources), patient_id=case.patient_id, now=NOW)
        recent = [f.days_ago for f in chart.of(Kind.LAB) if f.days_ago is not None]
        assert recent
        assert all(0 <= days < 2 for days in recent)
        assert chart.patient.age_years == pytest.approx(case.age_years, abs=0.02)


def test_a_patient_without_a_stay_or_file_is_rejected_by_name(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"a": {"patient": "p"}, "b": {"patient": "q"}}')
    (tmp_path / "a.json").write_text('{"resourceType": "Bundle", "entry": [{"resource": {}}, 7]}')
    made = load_clinosim(tmp_path, ChartForm.AS_WRITTEN, now=NOW, on_error=OnError.SKIP)
    assert [r.why.split(":")[0] for r in made.rejected] == ["a", "b"]
    with pytest.raises(SuiteError):
        load_clinosim(tmp_path, ChartForm.AS_WRITTEN, now=NOW)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["resourceType", "class", "period", "code"]),
            st.text(max_size=5) | st.none() | st.just("Encounter"),
        ),
        max_size=5,
    )
)
def test_what_is_no_stay_is_refused_not_crashed_on(resources: list[dict[str, Any]]) -> None:
    with pytest.raises(SuiteError):
        strip_stay(resources)


MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(MOMENTS, min_size=1, max_size=4), st.integers(-4000, 4000))
def test_moving_a_chart_keeps_what_lies_between(moments: list[datetime], days: int) -> None:
    chart = [
        {"effectiveDateTime": m.replace(microsecond=0).isoformat(), "note": "2020-01-01"}
        for m in moments
    ]
    moved = shift(chart, timedelta(days=days))
    for before, after in zip(chart, moved, strict=True):
        gap = datetime.fromisoformat(after["effectiveDateTime"]) - datetime.fromisoformat(
            before["effectiveDateTime"]
        )
        assert gap == timedelta(days=days)
        assert after["note"] == "2020-01-01"
    assert latest(moved, NOW) - latest(chart, NOW) == timedelta(days=days)


def test_dates_that_are_no_days_stay() -> None:
    chart = [{"onsetDateTime": "2019", "birthDate": "1990-05", "recordedDate": "2019-02-30"}]
    assert shift(chart, timedelta(days=9)) == chart


def case(case_id: str, text: str, answer: str) -> EvaluationCase:
    return EvaluationCase(id=case_id, gold=Gold((answer,)), text=text)


def test_a_look_up_finds_what_is_fixed_for_each_disease() -> None:
    fixed = {"Gout": "painful toe", "Lupus": "red face", "Asthma": "wheezing breath"}
    cases = [case(f"{d}{i}", f"{fixed[d]} today{i}", d) for d in fixed for i in "12"]
    assert [answers[0] for answers in look_up(cases)] == [c.gold.name for c in cases]


def test_a_look_up_never_answers_with_the_case_itself() -> None:
    cases = [case("1", "pain in the toe", "Gout"), case("2", "rash on the face", "Lupus")]
    assert look_up(cases) == [("Lupus",), ("Gout",)]


def test_near_duplicates_between_suites_are_found(data: Data) -> None:
    osce = load_osce(data.osce, now=NOW)
    open_ended = load_vignettes(data.vignettes, Task.OPEN, now=NOW)
    pairs = near_duplicates(osce, open_ended)
    shared = {p.second for p in pairs if p.same_answer}
    if data.name == "sample":
        assert {(p.first, p.second) for p in pairs} == {
            ("osce-001", "vignette_1"),
            ("osce-025", "vignette_1"),
            ("osce-002", "vignette_2"),
        }
        assert shared == {"vignette_1", "vignette_2"}
    else:
        assert 35 <= len(shared) <= 50
    assert {p.first for p in pairs if p.same_answer} | shared == shared_cases(pairs)
    assert list(pairs) == sorted(pairs, key=lambda p: -p.cosine)


def test_a_suite_is_compared_with_itself_each_pair_once() -> None:
    same = "sudden pain in the great toe after beer"
    made = make_suite(
        "own", "", [case("1", same, "Gout"), case("2", same, "gout"), case("3", "rash", "x")]
    )
    pairs = near_duplicates(made, made)
    assert [(p.first, p.second, p.same_answer) for p in pairs] == [("1", "2", True)]
    assert pairs[0].cosine == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("answer", "text", "leaks"),
    [
        ("Legg-Calv\u00e9-Perthes disease (LCPD)", "limping boy with hip pain", False),
        ("Chronic lymphocytic leukemia", "smudge cells, lymphocytic leukemia suspected", True),
        ("Gout", "gout in his father", True),
        ("Type 1", "anything", False),
    ],
)
def test_leaks(answer: str, text: str, leaks: bool) -> None:
    assert answer_in_text(answer, text) is leaks
