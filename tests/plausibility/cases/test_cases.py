"""The cases load, are FHIR, are mapped, and cite facts that are there; a wrong file says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_mapping import Chart, Kind, Polarity
from tests.plausibility.cases.build import build, chart_of
from tests.plausibility.cases.check import complaints
from tests.plausibility.cases.load import DATA, Case, CaseError, load, load_file

CASE = """version = "1"
[[case]]
id = "cough-01"
complaint = "Cough"
source = "composed by us for this test"
looked_up = false
truth = "Acute bronchitis"
code = "J20.9"
alarm = []
age = "41 y"
sex = "female"
encounter = "ambulatory"
reason = "Cough for a week"
{more}
right = [ {{ name = "Bronchitis", for = ["cough:present"] }} ]
absurd = [ {{ name = "Cholera", for = ["cough:present"] }}, {{ name = "Glaucoma", for = ["cough:present"] }} ]
"""  # noqa: E501


@pytest.fixture
def written(tmp_path: Path):
    """A file with one case and `more` in it."""

    def write(more: str = "", replaced: tuple[str, str] = ("", "")) -> Path:
        path = tmp_path / "cough.toml"
        path.write_text(CASE.format(more=more).replace(*replaced), "utf-8")
        return path

    return write


def one(path: Path) -> tuple[Case, Chart]:
    (case,) = load_file(path)
    return case, chart_of(case)


@pytest.mark.parametrize("case", load(DATA), ids=lambda case: case.id)
def test_every_case_is_fhir_is_mapped_and_cites_what_is_there(case: Case) -> None:
    resources = build(case)
    for resource in resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert len({resource["id"] for resource in resources}) == len(resources)
    assert list(complaints(case, chart_of(case))) == []


@pytest.mark.parametrize(
    ("more", "replaced", "told"),
    [
        ('notes = "x"', ("", ""), "notes: Extra inputs"),
        ("vitals = { pulse = 90 }", ("", ""), "vitals.pulse: Extra inputs"),
        ("", ("cough:present", "cough:there"), "a citation is"),
        ("", ('"41 y"', '"41 years"'), "age:"),
        ("", ('"J20.9"', '"bronchitis"'), "code:"),
        ('labs = [["CRP", "1988-5", 12, "mg/L"]]', ("", ""), "labs.0:"),
        ('labs = [["CRP", "1988", 12, "mg/L", "-5"]]', ("", ""), "its LOINC code"),
        ('labs = [["CRP", "1988-5", "high", "mg/L", "-5"]]', ("", ""), "is a number"),
        ('labs = [["CRP", "1988-5", 12, "mg/L", "-5", "2 d"]]', ("", ""), "says when"),
        ('results = [["hCG urine", "2106-3"]]', ("", ""), "results.0:"),
        ('pregnant = "yes"', ("", ""), "pregnant:"),
        ('family = ["gout"]', ("", ""), "family.0:"),
    ],
)
def test_what_is_not_to_the_form_is_named_with_file_and_case(
    written, more: str, replaced: tuple[str, str], told: str
) -> None:
    path = written(more, replaced)
    with pytest.raises(CaseError) as fault:
        load_file(path)
    assert str(path) in str(fault.value)
    assert "cough-01" in str(fault.value)
    assert told in str(fault.value)


@pytest.mark.parametrize(
    ("replaced", "told"),
    [
        (('version = "1"', 'version = "2"'), "version"),
        (("[[case]]", "[[cases]]"), "unknown key 'cases'"),
        (("[[case]]", "[[case]"), "not TOML"),
    ],
)
def test_a_file_that_is_none_of_ours_is_named(written, replaced, told: str) -> None:
    with pytest.raises(CaseError, match=told):
        load_file(written("", replaced))


def test_an_id_that_stands_twice_is_refused(written) -> None:
    path = written()
    (path.parent / "other.toml").write_text(path.read_text("utf-8"), "utf-8")
    with pytest.raises(CaseError, match="cough-01: this id stands twice"):
        load(path.parent)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such file"):
        load(tmp_path / "missing")


def test_a_citation_of_no_fact_and_of_two_is_told(written) -> None:
    more = 'symptoms = ["Wheezing", "Wheezing at night"]'
    case, chart = one(written(more, ("cough:present", "wheezing:present")))
    assert all("is in 2 facts" in told for told in complaints(case, chart))
    case, chart = one(written("", ("cough:present", "rash:present")))
    assert all("is in 0 facts" in told for told in complaints(case, chart))


def test_denied_symptoms_are_not_present_in_whatever_way_they_are_sent(written) -> None:
    more = 'denied = ["Fever", "Chest pain", "Hemoptysis"]'
    _, chart = one(written(more))
    for name in ("Fever", "Chest pain", "Hemoptysis"):
        (found,) = (f for f in chart.facts if name in f.text)
        assert found.polarity in (Polarity.ABSENT, Polarity.REFUTED)


@pytest.mark.parametrize("age", ["3 d", "27 d", "7 wk", "5 mo", "58 y", "101 y"])
def test_the_chart_has_the_age_that_was_written(written, age: str) -> None:
    _, chart = one(written("", ('"41 y"', f'"{age}"')))
    days = {"d": 1, "wk": 7, "mo": 30.44, "y": 365.25}
    number, unit = age.split()
    years = chart.patient.age_years
    assert years is not None
    assert float(number) <= years * 365.25 / days[unit] < float(number) + 1


def test_the_builder_says_what_the_case_says(written) -> None:
    more = "\n".join([
        "vitals = { hr = 96, bp = '128/80', spo2 = 97, temp = 37.9 }",
        "labs = [['CRP', '1988-5', 48, 'mg/L', '-5', '-2 d'], ['troponin', '67151-1', '<6', 'ng/L', '-14']]",  # noqa: E501
        "results = [['Chest X-ray', 'no infiltrate'], ['hCG urine', '2106-3', 'Negative']]",
        "problems = ['J45.909 Asthma @ -6 y', 'K35.80 Appendicitis @ -8 y resolved']",
        "medications = ['RxNorm 435 Albuterol 2 mg as needed', 'Apixaban 5 mg twice daily stopped']",  # noqa: E501
        "procedures = ['Tonsillectomy @ -20 y']",
        "pregnant = 'postpartum 5 d'",
    ])  # fmt: skip
    _, chart = one(written(more))
    said = {f.text: f for f in chart.facts}
    assert said["CRP 48 mg/L (to 5) high"].days_ago == pytest.approx(2, abs=0.1)
    assert "Asthma" in said
    assert said["Appendicitis (resolved)"].status == "resolved"
    assert any("Chest X-ray: no infiltrate" in text for text in said)
    (stopped,) = (f for f in chart.of(Kind.MEDICATION) if "Apixaban" in f.text)
    assert stopped.status == "stopped"
    assert {"Tonsillectomy", "Normal delivery"} <= {f.text for f in chart.of(Kind.PROCEDURE)}


@pytest.mark.parametrize(
    ("citation", "so"),
    [("CRP:high", True), ("CRP:normal", False), ("CRP:low", False), ("ECG:abnormal", True),
     ("ECG:high", False), ("fever:present", False), ("fever:absent", True)],
)  # fmt: skip
def test_a_claim_that_is_not_so_is_told(written, citation: str, so: bool) -> None:
    more = "\n".join([
        "labs = [['CRP', '1988-5', 48, 'mg/L', '-5']]",
        "results = [['ECG', 'sinus bradycardia 42']]",
        "denied = ['Fever']",
    ])  # fmt: skip
    case, chart = one(written(more, ("cough:present", citation)))
    assert any("is not so" in told for told in complaints(case, chart)) is not so
