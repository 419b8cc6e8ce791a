"""Patterns that call for a diagnosis: each fires on its findings, and none without them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import Assessment, Group, Verdict
from cds_hooks.plausibility import Terminology, not_considered
from cds_hooks.plausibility.findings import Finding, Seen, findings
from cds_hooks.plausibility.record import record
from cds_hooks.plausibility.red_flags import Pattern, patterns
from cds_hooks.plausibility.results import analytes
from fhir_mapping import map_chart
from fhir_mapping.chart import (
    Chart,
    Code,
    Experiencer,
    Fact,
    Flag,
    Kind,
    PatientFacts,
    Polarity,
)

Make = Callable[..., Any]
LOINC = "http://loinc.org"


def telling(finding: Finding, number: int) -> Fact:
    """A fact that tells a finding."""
    if finding.words:
        return Fact(f"S{number}", Kind.COMPLAINT, f"{finding.words[0]} since today")
    if finding.medication:
        text = f"{finding.medication[0]} 10 mg"
        return Fact(f"M{number}", Kind.MEDICATION, text, status="active")
    if finding.procedure:
        text = f"Some {finding.procedure[0]}"
        return Fact(f"X{number}", Kind.PROCEDURE, text, status="completed", days_ago=3.0)
    rule = finding.result
    assert rule is not None
    low = rule.needs == "low" or rule.below is not None
    limit = rule.below if rule.below is not None else rule.above
    value = 1.0 if limit is None else limit - 1 if low else limit + 1
    flag = Flag.LOW if low else Flag.HIGH
    codes = (Code(LOINC, min(analytes()[rule.analyte].loinc)),)
    told = {"value": value, "unit": rule.unit, "flag": flag, "days_ago": 0.0, "codes": codes}
    return Fact(f"V{number}", Kind.VITAL, f"{rule.analyte} {value}", **told)


def complete(pattern: Pattern) -> tuple[PatientFacts, list[str]]:
    """A patient and the fewest findings that make a pattern."""
    age = max(pattern.from_years, min(30.0, pattern.below_years - 1))
    names = [group[0] for group in pattern.all]
    further = [n for n in pattern.any if n not in names]
    already = [n for n in pattern.any if n in names]
    names += further[: max(pattern.at_least - len(already), 0)]
    return PatientFacts(age, pattern.sex or "female"), names


def chart_of(patient: PatientFacts, names: list[str]) -> Chart:
    return Chart(patient, tuple(telling(findings()[n], i) for i, n in enumerate(names)))


def assessed(name: str) -> Assessment:
    return Assessment(name, Group.LIKELY, Verdict.PLAUSIBLE, written_as=(name,))


def told(chart: Chart, terminology: Terminology, *names: str) -> dict[str, tuple[str, ...]]:
    """Diagnosis -> fact ids of what was not considered."""
    found = not_considered(chart, [assessed(n) for n in names], terminology)
    return {r.text.split(":")[0]: r.fact_ids for r in found}


EACH = {"argvalues": patterns(), "ids": [p.id for p in patterns()]}


@pytest.mark.parametrize("pattern", **EACH)
def test_a_complete_pattern_is_told_with_its_facts(
    terminology: Terminology, pattern: Pattern
) -> None:
    patient, names = complete(pattern)
    chart = chart_of(patient, names)
    found = not_considered(chart, [assessed("Gout")], terminology)
    mine = [r for r in found if r.text.startswith(f"{pattern.diagnosis}: the chart")]
    assert len(mine) == 1
    assert (mine[0].check, mine[0].result) == ("not-considered", "fail")
    assert mine[0].source
    assert set(mine[0].fact_ids) <= {f.id for f in chart.facts}
    assert mine[0].fact_ids


@pytest.mark.parametrize("pattern", **EACH)
def test_without_one_of_its_findings_it_is_not_told(
    terminology: Terminology, pattern: Pattern
) -> None:
    """Some findings imply each other in words ("severe abdominal pain"), so not every single
    one is needed, but none alone makes a pattern unless it is all of it."""
    patient, names = complete(pattern)
    less = [chart_of(patient, [n for n in names if n != missing]) for missing in names]
    assert any(pattern.diagnosis not in told(chart, terminology) for chart in less)
    for name in names:
        alone = chart_of(patient, [name])
        assert len(names) == 1 or not pattern.found(Seen(record(alone, terminology)))
    assert pattern.diagnosis not in told(chart_of(patient, []), terminology)


@pytest.mark.parametrize("pattern", **EACH)
def test_it_is_not_told_when_the_model_named_it(terminology: Terminology, pattern: Pattern) -> None:
    patient, names = complete(pattern)
    chart = chart_of(patient, names)
    assert pattern.diagnosis not in told(chart, terminology, "Gout", pattern.diagnosis)


@pytest.mark.parametrize(
    "pattern", [p for p in patterns() if p.sex or p.from_years or p.below_years < 200]
)
def test_it_is_not_told_of_a_patient_it_does_not_speak_of(
    terminology: Terminology, pattern: Pattern
) -> None:
    _, names = complete(pattern)
    other = "male" if pattern.sex == "female" else "female"
    unfit = [PatientFacts(None, pattern.sex or "female")] if pattern.from_years else []
    if pattern.from_years:
        unfit.append(PatientFacts(pattern.from_years - 1, pattern.sex or "female"))
    if pattern.below_years < 200:
        unfit.append(PatientFacts(pattern.below_years, pattern.sex or "female"))
    if pattern.sex:
        unfit += [PatientFacts(30, other), PatientFacts(30, None)]
    assert unfit
    for patient in unfit:
        assert pattern.diagnosis not in told(chart_of(patient, names), terminology)


def test_there_are_enough_patterns_each_with_a_published_source(terminology: Terminology) -> None:
    assert len(patterns()) >= 30
    assert len({p.id for p in patterns()}) == len(patterns())
    for pattern in patterns():
        assert len(pattern.source) > 20
        assert {n for g in pattern.all for n in g} | set(pattern.any) <= set(findings())
        assert pattern.all or pattern.at_least > 1
        assert all(terminology.concept(c) for c in pattern.codes)
        assert all(terminology.concept(m) for m in pattern.mesh)


def test_every_finding_says_how_it_is_told() -> None:
    for finding in findings().values():
        told = bool(finding.words or finding.result)
        assert [told, bool(finding.medication), bool(finding.procedure)].count(True) == 1


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Pulmonary embolism", "Acute saddle pulmonary embolus"),
        ("Pulmonary embolism", "Lung embolism"),
        ("Acute coronary syndrome", "NSTEMI"),
        ("Digoxin toxicity", "Digoxin poisoning"),
        ("Stroke", "Acute ischemic stroke"),
    ],
)
def test_another_name_for_it_counts_as_considered(
    terminology: Terminology, name: str, written: str
) -> None:
    pattern = next(p for p in patterns() if p.diagnosis == name)
    chart = chart_of(*complete(pattern))
    assert name in told(chart, terminology, "Gout")
    assert name not in told(chart, terminology, "Gout", written)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Chest pain and dyspnea", True),
        ("Pleuritic chest pain", True),
        ("Denies chest pain", False),
        ("No fever, no chest pain", False),
        ("No fever or chest pain", False),
        ("No fever. Chest pain since this morning", True),
        ("Not short of breath but chest pain", True),
        ("Painful chestnut", False),
    ],
)
def test_denied_words_do_not_count(
    terminology: Terminology, chart: Make, text: str, seen: bool
) -> None:
    told_by = Seen(record(chart(Fact("S1", Kind.COMPLAINT, text)), terminology))
    assert bool(told_by.facts("chest-pain")) is seen


@pytest.mark.parametrize(
    ("rest", "seen"),
    [
        ({}, True),
        ({"polarity": Polarity.ABSENT}, False),
        ({"polarity": Polarity.REFUTED}, False),
        ({"polarity": Polarity.UNKNOWN}, False),
        ({"status": "resolved"}, False),
    ],
)
def test_what_is_not_so_or_no_longer_so_does_not_count(
    terminology: Terminology, chart: Make, rest: dict[str, Any], seen: bool
) -> None:
    told_by = Seen(record(chart(Fact("P1", Kind.PROBLEM, "Chest pain", **rest)), terminology))
    assert bool(told_by.facts("chest-pain")) is seen


@pytest.mark.parametrize(
    ("kind", "text", "seen"),
    [
        (
            Kind.NOTE,
            "Denies fever, chills, nausea, vomiting, cough, chest pain, or leg swelling.",
            False,
        ),
        (Kind.NOTE, "[Family history] Chest pain in the father. [Examination] Rash.", False),
        (Kind.NOTE, "Return if chest pain.", False),
        (Kind.NOTE, "History of chest pain.", False),
        (Kind.NOTE, "Chest pain 3 years ago.", False),
        (Kind.NOTE, "Chest pain: no", False),
        (Kind.NOTE, "Possible chest pain.", False),
        (Kind.COMPLAINT, "Possible chest pain", True),
        (Kind.NOTE, "Chest pain, now resolved.", True),
        (Kind.NOTE, "Chest pain for 3 days, no fever.", True),
        (Kind.NOTE, "No relief of chest pain.", True),
        (Kind.NOTE, "Kein Fieber. Klagt über chest pain.", True),
    ],
)
def test_a_finding_counts_if_the_patient_has_it_now(
    terminology: Terminology, chart: Make, kind: Kind, text: str, seen: bool
) -> None:
    told_by = Seen(record(chart(Fact("N1", kind, text, days_ago=0.5)), terminology))
    assert bool(told_by.facts("chest-pain")) is seen


def test_what_is_a_relatives_does_not_count(terminology: Terminology, chart: Make) -> None:
    own = Fact("P1", Kind.PROBLEM, "Chest pain")
    assert Seen(record(chart(own), terminology)).facts("chest-pain") == ("P1",)
    fathers = replace(own, experiencer=Experiencer.FAMILY)
    assert Seen(record(chart(fathers), terminology)).facts("chest-pain") == ()


def test_what_a_note_denies_raises_nothing(terminology: Terminology) -> None:
    """A fast heart and a note of loose stools that denies all else: once, an embolism."""
    note = (
        "Loose stools for two days. Denies fever, chest pain, shortness of breath, or leg swelling."
    )
    answered = {"code": {"text": "Facial droop"}, "valueBoolean": False}
    chart = map_chart([_note(note), _heart_rate(118), _observation("o1", answered)],
                      patient_id="p1", now=NOW)  # fmt: skip
    assert not_considered(chart, [], terminology) == ()
    said = note.replace("Denies fever,", "Complains of")
    chart = map_chart([_note(said), _heart_rate(118)], patient_id="p1", now=NOW)
    assert [r.text.partition(":")[0] for r in not_considered(chart, [], terminology)] == [
        "Pulmonary embolism"
    ]


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _note(text: str) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"resourceType": "DocumentReference", "id": "d1", "status": "current",
            "subject": {"reference": "Patient/p1"}, "date": "2026-01-01T10:00:00Z",
            "content": [{"attachment": {"contentType": "text/plain", "data": data}}]}  # fmt: skip


def _observation(identity: str, elements: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": identity, "status": "final",
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2026-01-01T10:00:00Z", **elements}  # fmt: skip


def _heart_rate(value: int) -> dict[str, Any]:
    code = {"coding": [{"system": LOINC, "code": "8867-4", "display": "Heart rate"}]}
    quantity = {"value": value, "unit": "/min", "system": "http://unitsofmeasure.org",
                "code": "/min"}  # fmt: skip
    return _observation("hr", {"code": code, "valueQuantity": quantity})


def test_history_counts_where_a_finding_is_one_of_history(
    terminology: Terminology, chart: Make
) -> None:
    over = chart(Fact("P1", Kind.PROBLEM, "Breast cancer", status="resolved"))
    assert Seen(record(over, terminology)).facts("cancer") == ("P1",)


def test_a_result_may_be_told_in_words(terminology: Terminology, chart: Make) -> None:
    said = chart(Fact("S1", Kind.COMPLAINT, "Fever and rapid heart rate, no hypotension"))
    seen = Seen(record(said, terminology))
    assert seen.any_of(["fever", "tachycardia", "hypotension"]) == ["fever", "tachycardia"]


def test_old_results_procedures_and_stopped_drugs_do_not_count(
    terminology: Terminology, chart: Make
) -> None:
    codes = (Code(LOINC, "8867-4"),)
    old = chart(
        Fact("V1", Kind.VITAL, "Heart rate", codes=codes, value=130, unit="/min", days_ago=30),
        Fact("X1", Kind.PROCEDURE, "Hip arthroplasty", status="completed", days_ago=200),
        Fact("X2", Kind.PROCEDURE, "Hip arthroplasty", status="completed"),
        Fact("M1", Kind.MEDICATION, "Digoxin", status="stopped"),
    )
    seen = Seen(record(old, terminology))
    assert not seen.any_of(["tachycardia", "recent-surgery", "on-digoxin"])


TEXTS = [w for f in findings().values() for w in f.words[:1]]
FACTS = st.builds(
    Fact,
    st.sampled_from(["S1", "S2", "P1", "O1", "V1", "M1", "X1"]),
    st.sampled_from([Kind.COMPLAINT, Kind.PROBLEM, Kind.VITAL, Kind.MEDICATION, Kind.PROCEDURE]),
    st.sampled_from(TEXTS) | st.text(max_size=40),
    value=st.none() | st.floats(),
    flag=st.none() | st.sampled_from(Flag),
    days_ago=st.none() | st.floats(-10, 400),
    polarity=st.sampled_from(Polarity),
)


@given(
    st.lists(FACTS, max_size=7, unique_by=lambda f: f.id),
    st.none() | st.floats(0, 120),
    st.sampled_from(["female", "male", None]),
)
def test_any_chart_is_answered_with_facts_of_the_chart(
    terminology: Terminology, facts: list[Fact], age: float | None, sex: str | None
) -> None:
    chart = Chart(PatientFacts(age, sex), tuple(facts))
    for reason in not_considered(chart, [], terminology):
        assert reason.fact_ids
        assert set(reason.fact_ids) <= {f.id for f in facts}


@pytest.mark.parametrize(
    ("text", "days", "told"),
    [
        ("History of present illness: chest pain and hemoptysis, calf swelling", 0.5, True),
        ("History of present illness: chest pain and hemoptysis, calf swelling", 30.0, False),
        ("History of present illness: chest pain and hemoptysis, calf swelling", None, False),
        ("Denies chest pain, hemoptysis and calf swelling", 0.5, False),
    ],
)
def test_a_recent_note_tells_and_an_old_or_denying_one_does_not(
    terminology: Terminology, text: str, days: float | None, told: bool
) -> None:
    note = Fact("N1", Kind.NOTE, text, days_ago=days)
    found = not_considered(Chart(PatientFacts(50, "female"), (note,)), [], terminology)
    assert any(r.text.startswith("Pulmonary embolism") for r in found) is told
