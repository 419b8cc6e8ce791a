"""What is on the problem list already, and what is new although its chronic form is there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.consultation import Assessment, Reason, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.new_problems import assess_new_problems
from cds_hooks.plausibility.rules.acute_events import acute_forms, is_acute, same_event_days
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping.chart import Experiencer, Polarity

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def answers() -> ModuleType:
    path = Path(__file__).with_name("answers.py")
    spec = spec_from_file_location("answers", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["answers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def judge(terminology: Terminology, chart: Make, differential: Make, fact: Make) -> Make:
    def make(name: str, *facts: Any) -> Assessment:
        sample = differential((name, "S1 present"))
        return assess_candidates(chart(fact("S1"), *facts), [sample], terminology)[0]

    return make


def of(found: Assessment, check: str) -> Reason | None:
    return next((r for r in found.reasons if r.check == check), None)


@pytest.mark.parametrize("half", ["open", "aside"])
def test_pairs_written_before_the_rules(
    answers: ModuleType, terminology: Terminology, half: str
) -> None:
    missed = answers.pairs_missed(half, terminology)
    assert len(answers.pairs(half)) == 63
    assert [m for m in missed if m.endswith(": recorded")] == []
    assert len(missed) <= 2, missed


@pytest.mark.parametrize(
    ("code", "listed", "proposed"),
    [
        ("E11.9", "Type 2 diabetes mellitus without complications", "Diabetic ketoacidosis"),
        ("I85.00", "Esophageal varices without bleeding", "Bleeding esophageal varices"),
        ("I25.2", "Old myocardial infarction", "STEMI"),
        ("Z86.73", "Personal history of transient ischemic attack", "Ischemic stroke"),
        ("N18.4", "Chronic kidney disease, stage 4 (severe)", "Acute kidney injury"),
    ],
)
def test_an_acute_event_is_new_and_its_chronic_form_is_told(
    judge: Make, problem: Make, code: str, listed: str, proposed: str
) -> None:
    found = judge(proposed, problem("P1", listed, code, days_ago=900.0))
    known = of(found, "known-chronic-form")
    assert found.verdict is not Verdict.RECORDED
    assert known is not None
    assert (known.result, known.fact_ids) == ("pass", ("P1",))
    assert known.text == "acute event of a recorded condition"


def test_a_form_that_says_more_is_new_and_no_event(judge: Make, problem: Make) -> None:
    found = judge("Chronic systolic heart failure", problem("P1", "Heart failure", "I50.9"))
    known = of(found, "known-chronic-form")
    assert found.verdict is not Verdict.RECORDED
    assert known is not None
    assert known.text == "more specific form of a recorded condition"


@pytest.mark.parametrize(
    "rest",
    [
        {"polarity": Polarity.REFUTED},
        {"experiencer": Experiencer.FAMILY},
        {"polarity": Polarity.ABSENT},
    ],
)
def test_what_the_patient_does_not_have_is_no_chronic_form(
    judge: Make, problem: Make, rest: dict[str, Any]
) -> None:
    listed = problem("P1", "Type 2 diabetes mellitus without complications", "E11.9", **rest)
    assert of(judge("Diabetic ketoacidosis", listed), "known-chronic-form") is None


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(0.0, True), (27.0, True), (28.0, True), (29.0, False), (None, False)],
)
def test_an_event_is_the_same_for_four_weeks(
    judge: Make, problem: Make, days: float | None, verdict: bool
) -> None:
    listed = problem(
        "P1", "Non-ST elevation (NSTEMI) myocardial infarction", "I21.4", days_ago=days
    )
    assert (judge("NSTEMI", listed).verdict is Verdict.RECORDED) is verdict
    assert same_event_days() == 28


@pytest.mark.parametrize(("days", "refuted"), [(28.0, True), (29.0, False), (None, True)])
def test_an_event_that_was_refuted_long_ago_may_have_come(
    judge: Make, problem: Make, days: float | None, refuted: bool
) -> None:
    text = "Other pulmonary embolism without acute cor pulmonale"
    no = problem("P1", text, "I26.99", days_ago=days, polarity=Polarity.REFUTED)
    assert (judge("Pulmonary embolism", no).verdict is Verdict.CONTRADICTED) is refuted


def test_a_kind_that_was_refuted_does_not_refute_the_whole(judge: Make, problem: Make) -> None:
    no = problem("P1", "Crohn's disease of small intestine", "K50.00", polarity=Polarity.REFUTED)
    assert judge("Crohn's disease", no).verdict is not Verdict.CONTRADICTED
    whole = problem("P1", "Crohn's disease", "K50.90", polarity=Polarity.REFUTED)
    assert judge("Crohn's disease", whole).verdict is Verdict.CONTRADICTED


def test_what_is_entered_is_not_on_the_list_by_its_chronic_form(
    terminology: Terminology, chart: Make, problem: Make
) -> None:
    listed = problem(
        "P1", "Type 2 diabetes mellitus without complications", "E11.9", days_ago=900.0
    )
    new = problem("P1", "Type 2 diabetes mellitus with ketoacidosis without coma", "E11.10")
    (found,) = assess_new_problems(chart(listed), [new], terminology)
    assert found.verdict is not Verdict.RECORDED
    assert of(found, "already-recorded").result == "pass"  # type: ignore[union-attr]


@pytest.mark.parametrize("code", ["G35", "G35.A", "G35.D", "g35.d"])
def test_codes_with_a_letter_after_the_point_are_whole(
    judge: Make, problem: Make, terminology: Terminology, code: str
) -> None:
    found = terminology.concept(code)
    assert found is not None
    assert found.code == code.upper()
    listed = problem("P1", "Multiple sclerosis", code, days_ago=900.0)
    assert judge("Multiple sclerosis", listed).verdict is Verdict.RECORDED


@pytest.mark.parametrize(
    ("name", "acute"),
    [
        ("Acute gout flare", True),
        ("COPD exacerbation", True),
        ("COPD without acute exacerbation", False),
        ("Decompensated cirrhosis", True),
        ("Acute myeloid leukemia", False),
        ("Relapsing-remitting multiple sclerosis", False),
        ("Multiple sclerosis relapse", True),
        ("Type 2 diabetes", False),
    ],
)
def test_which_names_are_events(terminology: Terminology, name: str, acute: bool) -> None:
    found = terminology.resolve(name)
    assert is_acute(name, found.concepts if found.exact else ()) is acute


def test_every_code_of_the_table_is_in_the_list(terminology: Terminology) -> None:
    codes = {code for form in acute_forms() for code in (*form.acute, *form.of)}
    for code in codes:
        found = terminology.concept(code)
        assert found is not None, code
        assert found.system == ICD_10_CM
        assert found.code == code
    assert all(form.reason for form in acute_forms())
