"""Names as clinicians and models write them, and codes that only the chart tells."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.consultation import Assessment, Verdict
from cds_hooks.plausibility import MatchStatus, Terminology, assess_candidates
from cds_hooks.plausibility.new_problems import assess_new_problems
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosisKind
from fhir_mapping.chart import Code

Make = Callable[..., Any]
CASES = Path(__file__).with_name("cases") / "data" / "names.toml"


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
    def make(name: str, *facts: Any, sex: str | None = "female") -> Assessment:
        sample = differential((name, "S1 present"))
        return assess_candidates(chart(fact("S1"), *facts, sex=sex), [sample], terminology)[0]

    return make


def icd(found: Assessment) -> list[str]:
    return [c.code for c in found.codes if c.system.endswith("icd-10-cm")]


@pytest.mark.parametrize("half", ["open", "aside"])
def test_names_written_before_they_were_looked_up(
    answers: ModuleType, terminology: Terminology, half: str
) -> None:
    missed = answers.names_missed(half, terminology)
    assert len(missed) / len(answers.named(half)) <= 0.02, missed


def test_names_of_an_independent_list(terminology: Terminology) -> None:
    rows = tomllib.loads(CASES.read_text("utf-8"))["name"]
    found = {r["name"]: terminology.resolve(r["name"]) for r in rows}
    missed = [
        r["name"]
        for r in rows
        if not found[r["name"]].recognised or not found[r["name"]].categories & set(r["categories"])
    ]
    assert len(missed) / len(rows) <= 0.02, missed


def test_invented_names_of_all_kinds_are_mostly_not_recognised(
    terminology: Terminology, names: list[str], invented: ModuleType
) -> None:
    made = [n for k in invented.KINDS for n in invented.invent(k, names, 500, seed=7)]
    known = [n for n in made if terminology.resolve(n).recognised]
    assert len(known) / len(made) <= 0.03


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MRI Brain", NonDiagnosisKind.PROCEDURE),
        ("Lumbar puncture", NonDiagnosisKind.PROCEDURE),
        ("Brain surgery", NonDiagnosisKind.PROCEDURE),
        ("Valproic acid", NonDiagnosisKind.SUBSTANCE),
        ("Aspirin", NonDiagnosisKind.SUBSTANCE),
        ("Normal brain", NonDiagnosisKind.NORMAL),
    ],
)
def test_words_of_a_longer_term_make_no_disease(
    terminology: Terminology, name: str, kind: NonDiagnosisKind
) -> None:
    found = terminology.resolve(name)
    assert not found.recognised
    assert found.other is not None
    assert found.other.kind is kind


def test_a_dissection_of_an_artery_is_no_operation(terminology: Terminology) -> None:
    assert terminology.resolve("Type A aortic dissection").exact
    odd = terminology.resolve("Lunar aortic dissection")
    assert not odd.recognised
    assert odd.other is None


@pytest.mark.parametrize(
    ("name", "recognised"),
    [
        ("Spontaneous pneumothorax", True),
        ("Spontaneous neurosyphilis", False),
        ("Viral scarlet fever", False),
        ("Herpes zoster keratitis", True),
        ("Left lower lobe pneumonia", True),
        ("Optic gastric rupture", False),
        ("L4-L5 disc herniation", True),
        ("Hepatic hypermenorrhea", False),
    ],
)
def test_what_may_stand_beside_a_disease(
    terminology: Terminology, name: str, recognised: bool
) -> None:
    assert terminology.resolve(name).recognised is recognised


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("UA (unstable angina)", "I20.0"),
        ("generalised anxiety disorder", "F41.1"),
        ("PVCs", "I49.3"),
        ("A-fib", "I48.91"),
        ("3rd degree AV block", "I44.2"),
        ("low potassium", "E87.6"),
        ("Severe aortic stenosis", "I35.0"),
        ("CAP", "J18.9"),
    ],
)
def test_short_british_and_lay_forms(terminology: Terminology, written: str, code: str) -> None:
    assert [c.code for c in terminology.resolve(written).icd] == [code]


def test_a_short_form_hides_no_invented_name(terminology: Terminology) -> None:
    assert not terminology.resolve("Zorblatt syndrome (pneumonia)").recognised


@pytest.mark.parametrize(
    ("code", "listed", "name", "expected"),
    [
        ("E10.9", "Type 1 diabetes mellitus without complications", "DKA", "E10.10"),
        ("E11.9", "Type 2 diabetes mellitus without complications", "DKA", "E11.10"),
        ("E13.9", "Other specified diabetes mellitus", "Diabetic ketoacidosis", "E13.10"),
        ("E10.42", "Type 1 diabetes mellitus with diabetic polyneuropathy",
         "Diabetic nephropathy", "E10.21"),
        ("I50.22", "Chronic systolic (congestive) heart failure",
         "Acute decompensated heart failure", "I50.23"),
        ("I50.32", "Chronic diastolic (congestive) heart failure", "Acute heart failure", "I50.33"),
        ("J45.40", "Moderate persistent asthma", "Asthma exacerbation", "J45.41"),
        ("K74.60", "Unspecified cirrhosis of liver", "Variceal hemorrhage", "I85.11"),
    ],
)  # fmt: skip
def test_the_code_follows_the_chart(
    judge: Make, problem: Make, code: str, listed: str, name: str, expected: str
) -> None:
    found = judge(name, problem("P1", listed, code, days_ago=900.0))
    assert icd(found) == [expected]
    assert found.verdict is not Verdict.RECORDED


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DKA", []),
        ("Diabetic ketoacidosis", []),
        ("Diabetic nephropathy", []),
        ("Diabetes mellitus", []),
        ("Acute decompensated heart failure", ["I50.9"]),
        ("Asthma exacerbation", ["J45.901"]),
        ("Variceal hemorrhage", ["I85.01"]),
        ("Pneumonia", ["J18.9"]),
        ("Calcium channel blocker overdose", ["T46.1X"]),
    ],
)
def test_without_the_chart_no_type_is_guessed(judge: Make, name: str, expected: list[str]) -> None:
    assert icd(judge(name)) == expected


def test_two_types_on_the_list_choose_none(judge: Make, problem: Make) -> None:
    one = problem("P1", "Type 1 diabetes mellitus", "E10.9")
    two = problem("P2", "Type 2 diabetes mellitus", "E11.9")
    assert icd(judge("DKA", one, two)) == []
    assert icd(judge("DKA", problem("P1", "Type 1 diabetes", "E10.9", status="resolved"))) == []


@pytest.mark.parametrize(
    ("sex", "expected"), [("male", ["N49.3"]), ("female", ["N76.82"]), (None, [])]
)
def test_recorded_sex_chooses_where_coding_has_one_for_each(
    judge: Make, sex: str | None, expected: list[str]
) -> None:
    assert icd(judge("Fournier gangrene", sex=sex)) == expected


def test_what_is_recorded_of_any_type_is_recorded(judge: Make, problem: Make) -> None:
    assert judge("Diabetes", problem("P1", "Type 1 diabetes", "E10.9")).verdict is Verdict.RECORDED
    refuted = problem("P1", "Type 2 diabetes", "E11.9", polarity="refuted")
    assert judge("DKA", refuted).verdict is not Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("text", "code", "verdict"),
    [
        ("Zorblatt syndrome", "", Verdict.UNRECOGNISED),
        ("Metformin", "", Verdict.UNRECOGNISED),
        ("MRI brain", "", Verdict.UNRECOGNISED),
        ("Gout", "", Verdict.PLAUSIBLE),
        ("History of zorblatt", "", Verdict.PLAUSIBLE),
        ("Viral osteoporosis", "", Verdict.PLAUSIBLE),
        ("Zorblatt syndrome", "123", Verdict.PLAUSIBLE),
        ("Metformin", "123", Verdict.UNRECOGNISED),
    ],
)
def test_a_name_that_is_no_diagnosis_is_told_when_entered(
    terminology: Terminology, chart: Make, fact: Make, text: str, code: str, verdict: Verdict
) -> None:
    codes = (Code("http://snomed.info/sct", code, text),) if code else ()
    (found,) = assess_new_problems(chart(), [fact("P1", text, codes=codes)], terminology)
    assert found.verdict is verdict


def test_an_option_is_a_code_of_its_own(terminology: Terminology) -> None:
    found = terminology.resolve("Diabetic ketoacidosis")
    assert found.status is MatchStatus.EXACT
    assert found.icd == ()
    assert found.categories == {"E08", "E09", "E10", "E11", "E13"}
    assert [o.when for o in found.options] == ["E08", "E09", "E10", "E11", "E13"]
