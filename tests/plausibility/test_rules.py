"""Every rule that ties a diagnosis to a chart, from both sides, and what the rules leave alone."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any

import pytest

from cds_hooks.consultation import Evidence, Reason, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, index_chart
from cds_hooks.plausibility.chart.result_agreement import agrees
from cds_hooks.plausibility.chart.results_by_analyte import analytes, told_values
from cds_hooks.plausibility.chart_rules.finding_patterns import patterns
from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.checks.demographics import UnusualAge
from cds_hooks.plausibility.checks.organs import AbsentOrgan
from cds_hooks.plausibility.checks.results import (
    DefiningResult,
    ExpectedResult,
    NegativeTest,
)
from cds_hooks.plausibility.checks.timing import timing_rules
from cds_hooks.plausibility.rules.diagnosis_rules import (
    DiagnosisRule,
    ResultRule,
    age_rules,
    organ_rules,
    result_rules,
)
from cds_hooks.plausibility.rules.diagnosis_rules import (
    test_rules as negative_test_rules,
)
from cds_hooks.plausibility.rules.drugs import drug_conflicts, drug_effects
from cds_hooks.plausibility.rules.removed_organs import is_removed
from cds_hooks.plausibility.terminology.resolution import Concept, MatchStatus, Resolution
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity, Range
from fhir_mapping.context import polarity_of_text

Make = Callable[..., Any]
LOINC = "http://loinc.org"
ALL = (*result_rules(), *organ_rules(), *negative_test_rules(), *age_rules())


def named(rules: tuple[Any, ...]) -> dict[str, Any]:
    """Parametrize arguments with the rules' ids."""
    return {"argvalues": rules, "ids": [r.id for r in rules]}


@pytest.fixture(scope="session")
def reasons(terminology: Terminology) -> Make:
    """What a check says of the diagnosis of a rule on a chart."""

    def make(
        check: Any, rule: DiagnosisRule, *facts: Fact, age: float = 55, cited: tuple[str, ...] = ()
    ) -> list[Reason]:
        code = rule.codes[0] if rule.codes else min(rule.mesh)
        concept = terminology.concept(code) or Concept(
            "http://hl7.org/fhir/sid/icd-10-cm", "P22", ""
        )
        chart = Chart(PatientFacts(age, "female"), facts)
        found = Resolution("x", MatchStatus.EXACT, (concept,), "x")
        indexed = index_chart(chart, terminology)
        evidence = tuple(Evidence(c, "abnormal") for c in cited)
        case = CheckedDiagnosis("x", found, DiagnosisIdentity(), evidence, (), indexed, terminology)
        return list(check(case))

    return make


def result(rule: Any, side: str, **rest: Any) -> Fact:
    """A result of the rule's analyte on the low side, on the high side, or normal."""
    flags = {"low": Flag.LOW, "high": Flag.HIGH, "normal": Flag.NORMAL}
    limits = (getattr(rule, name, None) for name in ("below", "above", "at_least", "at_most"))
    limit = next((each for each in limits if each), None)
    value = 10.0 if limit is None else limit + {"low": -5, "high": 5, "normal": 0}[side]
    unit = getattr(rule, "unit", "") or "mmol/L"
    codes = (Code(LOINC, min(analytes()[rule.analyte].loinc), ""),)
    told = {"value": value, "unit": unit, "flag": flags[side], "days_ago": 0.0, "codes": codes}
    return Fact("L1", Kind.LAB, f"{rule.analyte} {value}", **{**told, **rest})


def sides(rule: ResultRule) -> tuple[str, str]:
    """Where the rule asks the result to lie, and the other side."""
    low = rule.needs == "low" or rule.below is not None or rule.at_most is not None
    return ("low", "high") if low else ("high", "low")


@pytest.mark.parametrize("rule", **named(result_rules()))
def test_a_result_where_it_should_lie_passes_and_elsewhere_fails(
    reasons: Make, rule: ResultRule
) -> None:
    check = DefiningResult() if rule.contradicts else ExpectedResult()
    other = ExpectedResult() if rule.contradicts else DefiningResult()
    asked, opposite = sides(rule)
    (good,) = [r for r in reasons(check, rule, result(rule, asked)) if r.source == rule.source]
    assert (good.result, good.fact_ids) == ("pass", ("L1",))
    bad = [r for r in reasons(check, rule, result(rule, opposite)) if r.source == rule.source]
    assert [(r.result, r.fact_ids) for r in bad] == [("fail", ("L1",))]
    assert bad[0].text.startswith(rule.reason)
    assert not [r for r in reasons(other, rule, result(rule, opposite)) if r.text in bad[0].text]


@pytest.mark.parametrize("rule", **named(result_rules()))
def test_without_a_fresh_result_that_can_be_judged_nothing_is_said(
    reasons: Make, rule: ResultRule
) -> None:
    check = DefiningResult() if rule.contradicts else ExpectedResult()
    _, opposite = sides(rule)
    assert reasons(check, rule) == []
    old = result(rule, opposite, days_ago=rule.within_days + 1)
    undated = result(rule, opposite, days_ago=None)
    unjudged = result(rule, opposite, flag=None, value=None)
    for fact in (old, undated, unjudged):
        assert reasons(check, rule, fact) == []


@pytest.mark.parametrize("rule", **named(organ_rules()))
def test_a_removed_organ_and_one_that_is_there(reasons: Make, rule: Any) -> None:
    wanted = "fail" if rule.contradicts else "abstain"
    for word in rule.words:
        done = Fact("X1", Kind.PROCEDURE, f"Laparoscopic {word}, 2019", status="completed")
        assert [r.result for r in reasons(AbsentOrgan(), rule, done)] == [wanted]
        not_done = Fact("X1", Kind.PROCEDURE, word, status="not-done")
        partial = Fact("X1", Kind.PROCEDURE, f"Partial {word}", status="completed")
        denied = Fact("P1", Kind.PROBLEM, f"{word}", polarity=Polarity.ABSENT)
        other = Fact("X1", Kind.PROCEDURE, "Colonoscopy", status="completed")
        for fact in (not_done, partial, denied, other):
            assert reasons(AbsentOrgan(), rule, fact) == []
    for code in rule.recorded_as:
        system = "http://hl7.org/fhir/sid/icd-10-cm"
        coded = Fact("P1", Kind.PROBLEM, "absence", codes=(Code(system, code, ""),))
        assert [r.fact_ids for r in reasons(AbsentOrgan(), rule, coded)] == [("P1",)]


def test_subtotal_is_not_total() -> None:
    cervix = next(r for r in organ_rules() if r.id == "cervix")
    assert is_removed(cervix, Fact("X1", Kind.PROCEDURE, "Total hysterectomy"))
    assert not is_removed(cervix, Fact("X1", Kind.PROCEDURE, "Subtotal hysterectomy"))


@pytest.mark.parametrize("rule", **named(negative_test_rules()))
def test_a_negative_test_is_a_doubt_and_a_positive_one_is_not(reasons: Make, rule: Any) -> None:
    def told(answer: str, days: float = 0.0) -> Fact:
        codes = (Code(LOINC, min(analytes()[rule.analyte].loinc), ""),)
        said = polarity_of_text(answer) or Polarity.PRESENT
        return Fact("L1", Kind.LAB, f"Test: {answer}", codes=codes, days_ago=days, polarity=said)

    for answer in ("Negative", "Not detected", "Nonreactive"):
        (found,) = reasons(NegativeTest(), rule, told(answer))
        assert (found.result, found.fact_ids, found.source) == ("fail", ("L1",), rule.source)
    for answer in ("Positive", "Detected", "Reactive", "pending"):
        assert reasons(NegativeTest(), rule, told(answer)) == []
    assert reasons(NegativeTest(), rule, told("Negative", rule.within_days + 1)) == []
    was_positive = replace(told("Negative"), text="Test: Positive -> Negative over 2 days")
    assert reasons(NegativeTest(), rule, was_positive) == []


def test_the_newest_test_counts(reasons: Make) -> None:
    rule = next(r for r in negative_test_rules() if r.id == "influenza")
    codes = (Code(LOINC, "80382-5", ""),)
    no = Polarity.ABSENT
    old = Fact("L1", Kind.LAB, "Influenza: negative", codes=codes, days_ago=2, polarity=no)
    new = Fact("L2", Kind.LAB, "Influenza: positive", codes=codes, days_ago=1)
    assert reasons(NegativeTest(), rule, old, new) == []


@pytest.mark.parametrize("rule", **named(age_rules()))
def test_an_unusual_age_and_a_usual_one(reasons: Make, rule: Any) -> None:
    inside = (rule.from_years + min(rule.below_years, 90)) / 2
    outside = rule.below_years + 1 if rule.from_years < 5 else rule.from_years - 1
    assert reasons(UnusualAge(), rule, age=inside) == []
    (found,) = [r for r in reasons(UnusualAge(), rule, age=outside) if r.source == rule.source]
    assert found.result == "fail"
    assert found.fact_ids == ()


@pytest.mark.parametrize("rule", **named(ALL))
def test_every_rule_has_codes_that_exist_and_a_published_source(
    terminology: Terminology, rule: DiagnosisRule
) -> None:
    assert rule.codes or rule.mesh
    assert all(terminology.concept(c) is not None for c in rule.codes if len(c) > 1)
    assert all(terminology.concept(m) is not None for m in rule.mesh)
    assert len(rule.source) > 20


def test_references_that_were_looked_up_are_those_that_rules_cite() -> None:
    text = files("cds_hooks.plausibility").joinpath("data/references.toml").read_text("utf-8")
    data = tomllib.loads(text)
    found = data["reference"]
    rules = {r.source for r in (*ALL, *timing_rules(), *drug_effects(), *drug_conflicts())}
    assert {r["source"] for r in found} <= rules | {p.source for p in patterns()}
    assert len({r["source"] for r in found}) == len(found) >= 10
    assert all(r["checked"] in ("citation", "content") and r["url"] and r["seen"] for r in found)
    for reference in found:
        date.fromisoformat(reference.get("checked_on", data["checked_on"]))
    assert rules <= {r["source"] for r in found}, "a rule whose source nobody looked up"


def test_there_are_enough_rules_and_each_has_its_own_id() -> None:
    assert len(ALL) >= 60
    for rules in (result_rules(), organ_rules(), negative_test_rules(), age_rules()):
        assert len({r.id for r in rules}) == len(rules)


def test_a_rule_is_not_checked_against_another_diagnosis(reasons: Make) -> None:
    sodium = next(r for r in result_rules() if r.id == "hyponatremia")
    potassium = next(r for r in result_rules() if r.id == "hypokalemia")
    assert reasons(DefiningResult(), potassium, result(sodium, "high")) == []


def test_a_finding_the_model_did_not_cite_is_told_as_such(reasons: Make) -> None:
    rule = next(r for r in result_rules() if r.id == "hyponatremia")
    low = result(rule, "low")
    (cited,) = reasons(DefiningResult(), rule, low, cited=("L1",))
    (uncited,) = reasons(DefiningResult(), rule, low)
    assert "not cited" in uncited.text
    assert "not cited" not in cited.text


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("Sodium 137 mmol/L (136-145)", 137.0, [137.0]),
        ("Oxygen saturation 94.6 -> 92.4% over 10 hours, highest 98.7", 92.4, [92.4, 94.6, 98.7]),
        ("Blood pressure 102/67 -> 99/65 mmHg, highest 104/67", 99.0, [99.0, 102.0, 104.0]),
        ("Temperature not taken", None, []),
    ],
)
def test_a_series_tells_its_first_and_extreme_values(
    text: str, value: float | None, told: list[float]
) -> None:
    assert told_values(Fact("V1", Kind.VITAL, text, value=value)) == told


@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        ({"flag": Flag.NORMAL}, False),
        ({"flag": Flag.HIGH}, True),
        ({"flag": Flag.LOW}, False),
        ({"flag": Flag.ABNORMAL}, None),
        ({"flag": None}, None),
        ({"flag": Flag.NORMAL, "text": "K 6 -> 4", "range": Range(3.5, 5.0)}, True),
        ({"flag": Flag.NORMAL, "text": "K 4.5 -> 4", "range": Range(3.5, 5.0)}, False),
        ({"flag": Flag.NORMAL, "text": "K 6 -> 4"}, None),
    ],
)
def test_a_series_counts_with_all_its_values(rest: dict[str, Any], answer: bool | None) -> None:
    rule = next(r for r in result_rules() if r.id == "hyperkalemia")
    told = {"text": "K 4", "value": 4.0, **rest}
    assert agrees(rule, Fact("L1", Kind.LAB, **told)) is answer


def test_a_contradicted_definition_makes_the_verdict(
    terminology: Terminology, chart: Make, differential: Make, fact: Make
) -> None:
    complaint = fact("S1", "Confusion")
    normal = fact(
        "L1", "Sodium 140 mmol/L", value=140.0, flag=Flag.NORMAL, days_ago=0.1,
        codes=(Code(LOINC, "2951-2", "Sodium"),),
    )  # fmt: skip
    sample = differential(("Hyponatremia", "S1 present"))
    (found,) = assess_candidates(chart(complaint, normal), [sample], terminology)
    assert found.verdict is Verdict.CONTRADICTED
    (drug,) = assess_candidates(
        chart(complaint, normal), [differential(("Drug-induced hyponatremia", "S1 present"))],
        terminology,
    )  # fmt: skip
    assert drug.verdict is Verdict.CONTRADICTED
    (clear,) = assess_candidates(chart(complaint), [sample], terminology)
    assert clear.verdict is Verdict.PLAUSIBLE


def test_a_doubt_makes_it_uncertain(
    terminology: Terminology, chart: Make, differential: Make, fact: Make
) -> None:
    complaint = fact("S1", "Chest pain")
    normal = fact(
        "L1", "Troponin I 3 ng/L", value=3.0, flag=Flag.NORMAL, days_ago=0.1,
        codes=(Code(LOINC, "89579-7", "Troponin I"),),
    )  # fmt: skip
    sample = differential(("Heart attack", "S1 present"))
    (found,) = assess_candidates(chart(complaint, normal), [sample], terminology)
    assert found.verdict is Verdict.UNCERTAIN


def test_an_organ_that_was_removed_makes_the_verdict(
    terminology: Terminology, chart: Make, differential: Make, fact: Make
) -> None:
    complaint, done = fact("S1", "Pain"), fact("X1", "Cholecystectomy", status="completed")
    (found,) = assess_candidates(
        chart(complaint, done), [differential(("Acute cholecystitis", "S1 present"))], terminology
    )
    assert found.verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("text", "analyte"),
    [("Sodium 140", "sodium"), ("Troponin I 3 ng/L", "troponin"), ("Hemoglobin A1c 6 %", "hba1c")],
)
def test_a_result_without_a_code_is_known_by_how_its_name_begins(
    terminology: Terminology, text: str, analyte: str
) -> None:
    chart = Chart(PatientFacts(), (Fact("L1", Kind.LAB, text, days_ago=0),))
    assert [f.id for f in index_chart(chart, terminology).results.of(analyte)] == ["L1"]
