"""A differential checked against a chart: every check from both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import (
    Assessment,
    Candidate,
    Differential,
    Evidence,
    Group,
    Reason,
    Verdict,
)
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.checks.evidence import claim_result
from cds_hooks.plausibility.rules.demographics import categories
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity

Make = Callable[..., Any]
DIMER = {"text": "D-dimer 4.1 mg/L", "codes": (Code("http://loinc.org", "48065-7"),)}
HIGH = {"value": 4.1, "flag": Flag.HIGH, **DIMER}


def reason(assessment: Assessment, check: str, result: str | None = None) -> Reason | None:
    """The reason a check gave, if it gave one."""
    found = [r for r in assessment.reasons if r.check == check and result in (None, r.result)]
    return found[0] if found else None


@pytest.fixture(scope="session")
def judge(terminology: Terminology, chart: Make, differential: Make) -> Make:
    """Assess one candidate that cites `S1 present` on a chart with that complaint and more."""
    complaint = Fact("S1", Kind.COMPLAINT, "Chest pain")

    def make(name: str, *facts: Fact, claims: tuple[str, ...] = ("S1 present",), **who: Any) -> Any:
        against = who.pop("against", ())
        sample = differential((name, *claims), against=against)
        return assess_candidates(chart(complaint, *facts, **who), [sample], terminology)[0]

    return make


def test_a_known_name_with_true_evidence_is_supported(judge: Make, fact: Make) -> None:
    found = judge("Pulmonary embolism", fact("L1", **HIGH), claims=("S1 present", "L1 high"))
    assert found.verdict is Verdict.SUPPORTED
    assert [c.code for c in found.codes] == ["I26", "D011655"]
    assert reason(found, "evidence-direction", "pass").fact_ids == ("S1", "L1")
    assert found.agreement == 1.0


def test_a_name_in_no_terminology_is_unrecognised_but_never_called_unreal(judge: Make) -> None:
    found = judge("Glorbitis")
    assert found.verdict is Verdict.UNRECOGNISED
    assert found.codes == ()
    assert reason(found, "name-recognised").text.startswith("not found in")


def test_a_name_of_which_only_a_part_is_known_is_uncertain(judge: Make) -> None:
    found = judge("Viral osteoporosis")
    assert found.verdict is Verdict.UNCERTAIN
    assert found.codes == ()
    assert "viral" in reason(found, "name-recognised", "abstain").text


@pytest.mark.parametrize(
    ("rest", "claim", "result"),
    [
        ({"flag": Flag.HIGH}, "high", "pass"),
        ({"flag": Flag.CRITICAL_HIGH}, "high", "pass"),
        ({"flag": Flag.LOW}, "high", "fail"),
        ({"flag": Flag.NORMAL}, "high", "fail"),
        ({"flag": Flag.ABNORMAL}, "high", "abstain"),
        ({}, "high", "abstain"),
        ({"flag": Flag.CRITICAL_LOW}, "low", "pass"),
        ({"flag": Flag.HIGH}, "low", "fail"),
        ({"flag": Flag.ABNORMAL}, "abnormal", "pass"),
        ({"flag": Flag.NORMAL}, "abnormal", "fail"),
        ({"flag": Flag.NORMAL}, "normal", "pass"),
        ({"flag": Flag.HIGH}, "normal", "fail"),
        ({}, "normal", "abstain"),
        ({}, "present", "pass"),
        ({"polarity": Polarity.ABSENT}, "present", "fail"),
        ({"polarity": Polarity.REFUTED}, "present", "fail"),
        ({"polarity": Polarity.UNKNOWN}, "present", "abstain"),
        ({"polarity": Polarity.ABSENT}, "absent", "pass"),
        ({}, "absent", "fail"),
        ({"value": 4.0}, "present", "abstain"),
        ({"value": 4.0, "flag": Flag.NORMAL}, "present", "abstain"),
        ({"value": 4.0, "flag": Flag.HIGH}, "present", "pass"),
        ({"value": 4.0}, "absent", "abstain"),
        ({}, "purple", "abstain"),
    ],
)
def test_a_claim_is_compared_with_its_fact(
    fact: Make, rest: dict[str, Any], claim: str, result: str
) -> None:
    assert claim_result(fact("L1", **rest), claim) == result


def test_a_high_that_is_low_lowers_the_verdict_and_names_the_fact(judge: Make, fact: Make) -> None:
    low = fact("L1", value=2.0, flag=Flag.LOW)
    found = judge("Pulmonary embolism", low, claims=("S1 present", "L1 high"))
    assert found.verdict is Verdict.PLAUSIBLE
    assert reason(found, "evidence-direction", "fail").fact_ids == ("L1",)
    alone = judge("Pulmonary embolism", low, claims=("L1 high",))
    assert alone.verdict is Verdict.UNCERTAIN


def test_a_cited_fact_that_does_not_exist_is_told_without_naming_it(judge: Make) -> None:
    found = judge("Pulmonary embolism", claims=("S1 present", "L99 high"))
    assert found.verdict is Verdict.UNCERTAIN
    missing = reason(found, "evidence-exists", "fail")
    assert missing.fact_ids == ("S1",)
    assert "L99" not in missing.text


def test_without_evidence_nothing_is_supported(judge: Make) -> None:
    found = judge("Pulmonary embolism", claims=())
    assert found.verdict is Verdict.UNCERTAIN
    assert reason(found, "evidence-exists", "abstain") is not None


def test_a_resolved_problem_cited_as_present_is_told(judge: Make, problem: Make) -> None:
    over = problem("P1", "Deep vein thrombosis", status="resolved")
    found = judge("Pulmonary embolism", over, claims=("S1 present", "P1 present"))
    assert reason(found, "evidence-current", "fail").fact_ids == ("P1",)
    assert found.verdict is Verdict.PLAUSIBLE
    now = problem("P1", "Deep vein thrombosis")
    fine = judge("Pulmonary embolism", now, claims=("S1 present", "P1 present"))
    assert reason(fine, "evidence-current") is None
    assert fine.verdict is Verdict.SUPPORTED


def test_a_stopped_medication_cited_as_present_is_told(judge: Make, fact: Make) -> None:
    found = judge("Asthma", fact("M1", status="stopped"), claims=("M1 present",))
    assert reason(found, "evidence-current", "fail").fact_ids == ("M1",)


def test_a_final_result_is_not_over(judge: Make, fact: Make) -> None:
    found = judge("Asthma", fact("R1", status="completed"), claims=("R1 present",))
    assert reason(found, "evidence-current") is None


def test_a_relatives_disease_is_not_the_patients_finding(judge: Make, fact: Make) -> None:
    claims = ("L1 high", "F1 present")
    found = judge("Pulmonary embolism", fact("L1", **HIGH), fact("F1"), claims=claims)
    assert reason(found, "evidence-about", "abstain").fact_ids == ("F1",)
    assert found.verdict is Verdict.PLAUSIBLE
    assert reason(judge("Pulmonary embolism"), "evidence-about") is None


def test_true_evidence_against_lowers_the_verdict(judge: Make, fact: Make, problem: Make) -> None:
    normal = fact("L1", value=0.2, flag=Flag.NORMAL)
    found = judge("Pulmonary embolism", normal, against=("L1 normal",))
    assert reason(found, "counter-evidence", "fail").fact_ids == ("L1",)
    assert found.verdict is Verdict.PLAUSIBLE
    facts = (fact("L1", **HIGH), problem("P1", "Deep vein thrombosis"))
    claims = ("S1 present", "P1 present")
    untrue = judge("Pulmonary embolism", *facts, claims=claims, against=("L1 normal",))
    assert reason(untrue, "counter-evidence") is None
    assert untrue.verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("fact_id", "days", "old"),
    [("L1", 400, True), ("L1", 300, False), ("L1", None, False), ("F1", 9000, False)],
)
def test_old_evidence_is_told(
    judge: Make, fact: Make, fact_id: str, days: float | None, old: bool
) -> None:
    found = judge("Gout", fact(fact_id, days_ago=days), claims=("S1 present", f"{fact_id} present"))
    told = reason(found, "evidence-recent", "abstain")
    assert (told.fact_ids if told else None) == ((fact_id,) if old else None)


def test_a_fact_cited_for_and_against_is_told(judge: Make, fact: Make) -> None:
    found = judge("Gout", fact("L1", **HIGH), claims=("L1 high",), against=("L1 normal",))
    assert reason(found, "evidence-both-ways", "fail").fact_ids == ("L1",)
    assert found.verdict is Verdict.UNCERTAIN
    once = judge("Gout", fact("L1", **HIGH), claims=("L1 high",))
    assert reason(once, "evidence-both-ways") is None


@pytest.mark.parametrize(
    ("name", "sex", "result"),
    [
        ("Prostate cancer", "female", "fail"),
        ("Prostate cancer", "male", "pass"),
        ("Prostate cancer", "other", "abstain"),
        ("Prostate cancer", None, "abstain"),
        ("Ectopic pregnancy", "male", "fail"),
        ("Ectopic pregnancy", "female", "pass"),
        ("Endometriosis", "male", "fail"),
        ("Ovarian cyst", "male", "fail"),
        ("Pneumonia", "male", None),
        ("Breast cancer", "male", None),
    ],
)
def test_recorded_sex(judge: Make, name: str, sex: str | None, result: str | None) -> None:
    told = reason(judge(name, sex=sex), "recorded-sex")
    assert (told.result if told else None) == result
    if told:
        assert "recorded sex" in told.text
        assert "Medicare Code Editor" in told.source
        assert told.fact_ids == ()


@pytest.mark.parametrize(
    ("name", "age", "result"),
    [
        ("Pre-eclampsia", 70, "fail"),
        ("Pre-eclampsia", 30, "pass"),
        ("Pre-eclampsia", None, "abstain"),
        ("Benign prostatic hyperplasia", 6, "fail"),
        ("Atherosclerosis", 6, "fail"),
        ("Atherosclerosis", 66, "pass"),
        ("Tetanus neonatorum", 40, "fail"),
        ("Pneumonia", 6, None),
    ],
)
def test_recorded_age(judge: Make, name: str, age: float | None, result: str | None) -> None:
    told = reason(judge(name, age=age), "recorded-age")
    assert (told.result if told else None) == result
    assert told is None or "recorded age" in told.text or "age not recorded" in told.text


@pytest.mark.parametrize(
    ("name", "sex", "result"),
    [
        ("Ovarian torsion", "male", "fail"),
        ("Ovarian torsion", "female", "pass"),
        ("Ovarian torsion", None, "abstain"),
        ("Spermatocele", "female", "fail"),
        ("Spermatocele", "male", "pass"),
        ("Leydig cell tumor", "female", None),
        ("Granulosa cell tumor", "male", None),
        ("Hereditary breast and ovarian cancer syndrome", "male", None),
        ("Hydrops fetalis", "male", None),
        ("Erectile dysfunction", "male", "pass"),
    ],
)
def test_the_tree_of_mesh_tells_where_coding_does_not(
    judge: Make, name: str, sex: str | None, result: str | None
) -> None:
    told = reason(judge(name, sex=sex), "recorded-sex")
    assert (told.result if told else None) == result


@pytest.mark.parametrize("name", ["Teratoma", "Leiomyoma", "Adenomatous polyp", "Rectocele"])
def test_a_tumor_that_coding_files_under_one_sex_may_sit_anywhere(judge: Make, name: str) -> None:
    assert reason(judge(name, sex="male"), "recorded-sex") is None


def test_a_conflict_with_the_record_is_a_contradiction(judge: Make) -> None:
    assert judge("Prostate cancer", sex="female").verdict is Verdict.CONTRADICTED
    assert judge("Pre-eclampsia", age=70).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Type 2 diabetes mellitus with diabetic nephropathy", "E11.21"),
        ("Diabetes mellitus type 2 (disorder)", ""),
        ("Type II diabetes", ""),
    ],
)
def test_what_is_on_the_problem_list_is_recorded(
    judge: Make, problem: Make, text: str, code: str
) -> None:
    found = judge("Type 2 diabetes mellitus", problem("P1", text, code))
    assert found.verdict is Verdict.RECORDED
    assert reason(found, "already-recorded", "fail").fact_ids == ("P1",)


@pytest.mark.parametrize(("text", "code"), [("Type 1 diabetes mellitus", "E10.9"), ("Gout", "")])
def test_another_problem_is_not_the_same(judge: Make, problem: Make, text: str, code: str) -> None:
    found = judge("Type 2 diabetes mellitus", problem("P1", text, code))
    assert reason(found, "already-recorded", "pass") is not None
    assert found.verdict is not Verdict.RECORDED


def test_a_problem_that_is_over_is_not_recorded_as_current(judge: Make, problem: Make) -> None:
    found = judge("Pneumonia", problem("P1", "Pneumonia", "J18.9", status="resolved"))
    assert reason(found, "already-recorded", "abstain").fact_ids == ("P1",)
    assert found.verdict is not Verdict.RECORDED


def test_what_the_chart_refutes_is_contradicted(judge: Make, problem: Make) -> None:
    no = problem("P1", "Pulmonary embolism", "I26.99", polarity=Polarity.REFUTED)
    found = judge("Pulmonary embolism", no)
    assert found.verdict is Verdict.CONTRADICTED
    assert reason(found, "refuted-in-chart", "fail").fact_ids == ("P1",)


def test_a_name_known_to_no_terminology_is_recorded_when_the_chart_writes_it_so(
    judge: Make, problem: Make
) -> None:
    found = judge("Zorblatt syndrome", problem("P1", "Zorblatt syndrome"))
    assert found.verdict is Verdict.RECORDED


def test_a_code_of_another_kind_in_the_chart_breaks_nothing(judge: Make, fact: Make) -> None:
    system = "http://hl7.org/fhir/sid/icd-10-cm"
    odd = fact("P1", "Gout", codes=(Code(system, ""), Code(system, "\x00"), Code("", "M10")))
    assert reason(judge("Appendicitis", odd), "already-recorded", "pass") is not None


def test_every_category_has_codes_a_source_and_something_to_compare() -> None:
    for category in categories():
        assert category.codes
        assert category.source.startswith(("CMS Medicare Code Editor", "ICD-10-CM April 2026"))
        assert (category.sex is None) != (category.from_years is None)


SOME = ("Pneumonia", "Heart attack", "Prostate cancer", "Glorbitis", "Viral osteoporosis", "")
IDS = st.sampled_from(["S1", "L1", "P1", "P2", "M1", "F1", "E1", "Z9", "", "L99"])
EVIDENCE = st.builds(Evidence, IDS, st.sampled_from(["high", "low", "present", "absent", "x"]))
CANDIDATES = st.builds(
    Candidate,
    st.sampled_from(SOME) | st.text(max_size=30),
    st.sampled_from(Group),
    st.lists(EVIDENCE, max_size=4).map(tuple),
    st.lists(EVIDENCE, max_size=2).map(tuple),
)
DIFFERENTIALS = st.lists(
    st.builds(Differential, st.lists(CANDIDATES, max_size=5).map(tuple)), max_size=4
)
CODES = st.builds(
    Code,
    st.sampled_from(["http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct", ""]),
    st.sampled_from(["J18.9", "J18", "I21.9", "C61", "", "?"]) | st.text(max_size=8),
    st.sampled_from(SOME) | st.text(max_size=20),
)
FACTS = st.builds(
    Fact,
    IDS.filter(bool),
    st.sampled_from(Kind),
    st.sampled_from(SOME) | st.text(max_size=30),
    codes=st.lists(CODES, max_size=2).map(tuple),
    value=st.none() | st.floats(),
    flag=st.none() | st.sampled_from(Flag),
    status=st.sampled_from(["", "active", "resolved", "stopped", "?"]),
    polarity=st.sampled_from(Polarity),
)
CHARTS = st.builds(
    Chart,
    st.builds(
        PatientFacts,
        st.none() | st.floats(0, 130),
        st.sampled_from(["male", "female", "other", "unknown", None]),
    ),
    st.lists(FACTS, max_size=8, unique_by=lambda f: f.id).map(tuple),
)


@given(CHARTS, DIFFERENTIALS)
def test_any_differential_on_any_chart_is_judged_by_facts_of_the_chart(
    terminology: Terminology, chart: Chart, samples: list[Differential]
) -> None:
    found = assess_candidates(chart, samples, terminology)
    ids = {f.id for f in chart.facts}
    assert all(set(r.fact_ids) <= ids for a in found for r in a.reasons)
    assert all(r.result in ("pass", "fail", "abstain") for a in found for r in a.reasons)
    assert all(r.source and r.text for a in found for r in a.reasons)
    assert all(0 < a.agreement <= 1 for a in found)
    assert [a.agreement for a in found] == sorted((a.agreement for a in found), reverse=True)
    written = {c.diagnosis for d in samples for c in d.candidates}
    assert {w for a in found for w in a.written_as} == written


@given(CHARTS, DIFFERENTIALS)
def test_the_same_input_gives_the_same_answer(
    terminology: Terminology, chart: Chart, samples: list[Differential]
) -> None:
    assert assess_candidates(chart, samples, terminology) == assess_candidates(
        chart, samples, terminology
    )
