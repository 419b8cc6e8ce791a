"""What the bench counts is what it says: corruptions are so in the chart, and shares add up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.plausibility import Terminology
from fhir_mapping import Flag, Polarity
from tests.plausibility.cases.bench import DATABASE, report
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.corrupted import CORRUPTIONS, NOT_THERE, Proposal
from tests.plausibility.cases.load import DATA, NAMES, Case, Entry, load
from tests.plausibility.cases.measures import Outcome, measured


@pytest.fixture
def case() -> Callable[..., Case]:
    """A woman of 33 with what is given beside."""

    def make(**more: object) -> Case:
        entry = Entry(name="Diabetic ketoacidosis", cites=("glucose:high",))
        told = {
            "id": "vomiting-91", "complaint": "Vomiting", "source": "composed for this test",
            "looked_up": False, "truth": "Diabetic ketoacidosis", "code": "E10.10",
            "alarm": ("Diabetic ketoacidosis",), "age": "33 y", "sex": "female",
            "encounter": "emergency", "reason": "Vomiting for two days",
            "labs": (("glucose", "2345-7", 480, "mg/dL", "70-140"),),
            "right": (entry,), "absurd": (entry, entry), **more,
        }  # fmt: skip
        return Case.model_validate(told)

    return make


def proposal(case: Case, code: str = "") -> Proposal:
    entry = case.right[0]
    return Proposal(case, entry.name, code or case.code, entry.cites)


@pytest.mark.parametrize(("code", "turned"), [("O14.1", True), ("N40.0", False), ("I21.9", False)])
def test_the_sex_is_turned_only_where_the_disease_has_one(case, code: str, turned: bool) -> None:
    right = proposal(case(), code)
    wrong = CORRUPTIONS["sex"](right, chart_of(right.case))
    assert (wrong is not None) is turned
    if wrong:
        assert chart_of(wrong.case).patient.recorded_sex == "male"


@pytest.mark.parametrize(("code", "age"), [("M31.6", 21), ("P36.9", 46), ("E10.10", None)])
def test_the_age_is_moved_only_where_the_disease_has_one(case, code: str, age) -> None:
    right = proposal(case(), code)
    wrong = CORRUPTIONS["age"](right, chart_of(right.case))
    assert (wrong and int(chart_of(wrong.case).patient.age_years or 0)) == age


def test_a_claim_is_reversed(case) -> None:
    right = proposal(case())
    wrong = CORRUPTIONS["reversed claim"](right, chart_of(right.case))
    assert wrong is not None
    assert wrong.cites == ("glucose:low",)


def test_a_refuted_problem_is_refuted_in_the_chart(case) -> None:
    right = proposal(case())
    wrong = CORRUPTIONS["refuted problem"](right, chart_of(right.case))
    assert wrong is not None
    found = [f for f in chart_of(wrong.case).facts if "ketoacidosis" in f.text]
    assert [f.polarity for f in found] == [Polarity.REFUTED]


def test_a_denied_symptom_is_cited_as_present(case) -> None:
    right = proposal(case(denied=("Fever",)))
    chart = chart_of(right.case)
    wrong = CORRUPTIONS["denied symptom"](right, chart)
    assert wrong is not None
    (evidence,) = wrong.more
    assert evidence.claim == "present"
    cited = chart.fact(evidence.fact_id)
    assert cited is not None
    assert cited.polarity in (Polarity.ABSENT, Polarity.REFUTED)
    assert CORRUPTIONS["denied symptom"](proposal(case()), chart_of(case())) is None


FILES = [path for path in sorted(DATA.rglob("*.toml")) if path.name not in (NAMES, "labels.toml")]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_an_invented_name_is_none_of_the_case(path: Path) -> None:
    for case in load(path):
        right = proposal(case)
        wrong = CORRUPTIONS["invented name"](right, chart_of(case))
        assert wrong is not None
        assert wrong.name.casefold() not in {e.name.casefold() for e in case.right}
        assert wrong.name.casefold() != case.truth.casefold()


def test_an_organ_is_removed_in_the_chart(case) -> None:
    right = proposal(case(), "K35.80")
    wrong = CORRUPTIONS["removed organ"](right, chart_of(right.case))
    assert wrong is not None
    assert any("Appendectomy" in f.text for f in chart_of(wrong.case).facts)
    assert CORRUPTIONS["removed organ"](proposal(case()), chart_of(case())) is None


def test_an_excluding_result_is_normal_and_cited_no_more(case) -> None:
    right = proposal(case())
    wrong = CORRUPTIONS["excluding result"](right, chart_of(right.case))
    assert wrong is not None
    sugar = [f for f in chart_of(wrong.case).facts if f.text.startswith("glucose")]
    assert [f.flag for f in sugar] == [Flag.NORMAL]
    assert wrong.cites == ("Vomiting for two days:present",)


def test_a_drug_cited_is_stopped_or_not_there(case) -> None:
    with_drug = case(medications=("Insulin glargine 30 units at night stopped",))
    for right in (proposal(case()), proposal(with_drug)):
        chart = chart_of(right.case)
        wrong = CORRUPTIONS["drug not there"](right, chart)
        assert wrong is not None
        cited = chart.fact(wrong.more[0].fact_id)
        assert cited is None or cited.status == "stopped"
    assert chart_of(case()).fact(NOT_THERE) is None


def test_one_fact_is_cited_both_ways(case) -> None:
    right = proposal(case())
    wrong = CORRUPTIONS["for and against"](right, chart_of(right.case))
    assert wrong is not None
    assert wrong.against == (right.cites[0],)


def test_shares_are_of_what_a_measure_is_named_for() -> None:
    rows = [
        Outcome("absurd supported", "a-01", "Cough", "Gout", False, "", "supported"),
        Outcome("absurd supported", "a-02", "Cough", "Acne", True, "", "uncertain"),
        Outcome("danger named", "a-01", "Cough", "Sepsis", True),
        Outcome("danger named", "a-02", "Fever", "Malaria", True),
        Outcome("danger named", "a-03", "Fever", "Sepsis", False, "nothing"),
        *(Outcome(f"right {v}", "a-01", "Cough", "x", v != "recorded")
          for v in ("contradicted", "recorded", "unrecognised")),
    ]  # fmt: skip
    found = report(rows)
    assert found["measures"]["absurd supported"]["hits"] == 1
    assert found["measures"]["danger named"]["share"] == pytest.approx(2 / 3)
    assert found["measures"]["right struck or recorded"]["hits"] == 1
    assert found["verdicts"]["absurd"] == {"supported": 1, "uncertain": 1}
    assert found["complaints"]["Fever"]["danger named"] == "1 of 2"
    assert {f["case"] for f in found["failures"]} == {"a-01", "a-03"}


def test_every_measure_of_a_case_is_told(case) -> None:
    if not DATABASE.exists():
        pytest.skip("the terminology is not compiled: run `make`")
    with Terminology(DATABASE) as terminology:
        danger = list(measured([case(denied=("Fever",))], terminology))
        everyday = list(measured([case(alarm=())], terminology))
    told = {o.measure for o in danger}
    assert {"danger named", "absurd supported", "right recorded"} <= told
    assert {f"caught: {name}" for name in CORRUPTIONS} - told == {
        "caught: sex", "caught: age", "caught: removed organ",
    }  # fmt: skip
    assert "everyday alarm" in {o.measure for o in everyday}
