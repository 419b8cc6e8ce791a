"""Patterns that call for a diagnosis: each fires on its findings, and none without them."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import Assessment, Group, Reason, Seriousness, Verdict
from cds_hooks.plausibility import Terminology, assess_chart
from cds_hooks.plausibility.chart.finding_index import FindingDefinition, FindingIndex, findings
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.chart_rules.criteria import (
    Criteria,
    History,
    ResultLimit,
    histories,
    known_criteria,
    result_limits,
)
from cds_hooks.plausibility.chart_rules.finding_patterns import FindingPattern, patterns
from cds_hooks.plausibility.chart_rules.red_flags import find_red_flags
from cds_hooks.plausibility.chart_rules.scores import Score, scores
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
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
from fhir_mapping.findings.vocabulary import wider

Make = Callable[..., Any]
LOINC = "http://loinc.org"


def telling(name: str, number: int) -> Fact:
    """A fact that meets a criterion."""
    if name in result_limits():
        return beyond(result_limits()[name], number)
    if name in histories():
        return recorded(histories()[name], number)
    if name.startswith("="):
        analyte, value, unit = name[1:].split()
        return result(analyte, number, float(value), unit, None)
    finding = findings()[name]
    if finding.words:
        facts = (worded(finding, word, number) for word in finding.words)
        return next(fact for fact in facts if said(fact, name))
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
    return result(rule.analyte, number, value, rule.unit, flag)


def worded(finding: FindingDefinition, word: str, number: int) -> Fact:
    if finding.history:
        return Fact(f"P{number}", Kind.PROBLEM, word, status="active", days_ago=900.0)
    return Fact(f"S{number}", Kind.COMPLAINT, f"{word} since today")


def said(fact: Fact, name: str) -> bool:
    """Whether a fact by itself tells a finding: some words are read only within others."""
    return bool(
        FindingIndex(index_chart(Chart(PatientFacts(40, "female"), (fact,)), None)).facts(name)
    )


def result(analyte: str, number: int, value: float, unit: str, flag: Flag | None) -> Fact:
    codes = tuple(Code(LOINC, code) for code in sorted(analytes()[analyte].loinc)[:1])
    text = f"{analytes()[analyte].names[0]} {value}"
    told = {"value": value, "unit": unit, "flag": flag, "days_ago": 0.0, "codes": codes}
    return Fact(f"L{number}", Kind.LAB, text, **told)


def beyond(limit: ResultLimit, number: int) -> Fact:
    """A result beyond a limit, told with the first unit of its table."""
    flag = {"high": Flag.HIGH, "low": Flag.LOW, "normal": Flag.NORMAL}.get(limit.flag)
    upper, lower = limit.at_least or limit.above, limit.at_most or limit.below
    table = upper or lower or {"": 1.0}
    if limit.positive:
        positive = result(limit.analyte, number, 0.0, "", None)
        return replace(positive, value=None, unit=None, text=f"{limit.analyte}: positive")
    unit, value = next(iter(table.items()))
    step = abs(value) / 1000 + 0.001
    return result(limit.analyte, number, value + (step if upper else -step), unit, flag)


def recorded(history: History, number: int) -> Fact:
    if history.medication:
        return Fact(f"M{number}", Kind.MEDICATION, f"{history.medication[0]} 5 mg", status="active")
    if not history.codes:
        return telling(history.findings[0], number)
    code = Code(ICD_10_CM, history.codes[0] + ("0" if len(history.codes[0]) == 2 else ""))
    days = min(history.within_days - 1, 900.0) if history.within_days else 900.0
    text = "Recorded problem"
    return Fact(f"P{number}", Kind.PROBLEM, text, (code,), status="active", days_ago=days)


def red_flags(
    chart: Chart, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """The red flags of a chart beside a list."""
    return find_red_flags(FindingIndex(index_chart(chart, terminology)), assessments, terminology)


def patient_of(pattern: FindingPattern) -> PatientFacts:
    age = max(pattern.from_years, min(50.0, pattern.below_years * 0.9))
    return PatientFacts(age, pattern.sex or "female")


def complete(pattern: FindingPattern) -> tuple[PatientFacts, list[str]]:
    """A patient and a few criteria that make a pattern."""
    names = [group[0] for group in pattern.all]
    for name in pattern.any:
        if _distinct(pattern, names) < pattern.at_least and name not in names:
            names.append(name)
    if pattern.score:
        names += _scoring(scores()[pattern.score])
    return patient_of(pattern), list(dict.fromkeys(names))


def _distinct(pattern: FindingPattern, names: list[str]) -> int:
    """How many of `any` these are, without those that others imply or that are of one value."""
    told = [n for n in names if n in pattern.any]
    implied = {wide for name in told for wide in wider().get(name, ())}
    values = {
        result_limits()[n].analyte if n in result_limits() else n for n in told if n not in implied
    }
    return len(values)


EXTRA = {
    "news2": ["gcs-under-15", "systolic-up-to-90", "breathing-over-24"],
    "qsofa": ["gcs-under-15", "systolic-up-to-90", "breathing-over-24"],
    "omqsofa": ["gcs-under-15", "breathing-over-24"],
    "curb-65": ["confusion", "systolic-under-90", "breathing-over-29"],
    "kocher": ["unable-to-bear-weight", "=temperature 39 Cel", "=esr 60 mm/h"],
    "lrinec": ["=crp 160 mg/L", "=sodium 130 mmol/L", "=creatinine 2 mg/dL"],
    "glasgow-blatchford": ["melena", "syncope", "systolic-under-90", "hemoglobin-under-7"],
}
"""Criteria that give a score with bands its points."""


def _scoring(score: Score) -> list[str]:
    positive = [i.any[0] for i in score.items if i.any and i.points > 0]
    return EXTRA.get(score.id, positive)


def chart_of(patient: PatientFacts, names: list[str]) -> Chart:
    return Chart(patient, tuple(telling(n, i) for i, n in enumerate(names)))


def assessed(name: str) -> Assessment:
    return Assessment(name, Group.LIKELY, Verdict.PLAUSIBLE, written_as=(name,))


def told(chart: Chart, terminology: Terminology, *names: str) -> dict[str, tuple[str, ...]]:
    """Diagnosis -> fact ids of its red flag."""
    found = red_flags(chart, [assessed(n) for n in names], terminology)
    return {r.text.split(":")[0]: r.fact_ids for r in found}


MOST_ALONE = 6
"""How many criteria there are at most of which one is a pattern by itself."""
EACH = {"argvalues": patterns(), "ids": [p.id for p in patterns()]}


@pytest.mark.parametrize("pattern", **EACH)
def test_a_complete_pattern_is_told_with_its_facts(
    terminology: Terminology, pattern: FindingPattern
) -> None:
    patient, names = complete(pattern)
    chart = chart_of(patient, names)
    found = red_flags(chart, [assessed("Gout")], terminology)
    mine = [r for r in found if r.text.startswith(f"{pattern.diagnosis}: the chart")]
    assert pattern.found(Criteria(FindingIndex(index_chart(chart, terminology))))[0]
    assert len(mine) == 1
    assert (mine[0].check, mine[0].result) == ("red-flag", "fail")
    assert mine[0].source
    assert set(mine[0].fact_ids) <= {f.id for f in chart.facts}
    assert mine[0].fact_ids


@pytest.mark.parametrize("pattern", **EACH)
def test_without_one_of_its_findings_it_is_not_told(
    terminology: Terminology, pattern: FindingPattern
) -> None:
    """Some findings imply each other in words ("severe abdominal pain"), so not every single
    one is needed, but none alone makes a pattern unless it is all of it."""
    patient, names = complete(pattern)

    def fires(*given: str) -> bool:
        finding_index = FindingIndex(index_chart(chart_of(patient, list(given)), terminology))
        return bool(pattern.found(Criteria(finding_index))[0])

    assert fires(*names)
    assert not fires()
    if pattern.score:
        left = [n for n in names if n not in pattern.all[0]]
        finding_index = FindingIndex(index_chart(chart_of(patient, left), terminology))
        assert fires(*left) is False or Criteria(finding_index).any_of(pattern.all[0])
    elif len(names) > 1:
        assert not all(fires(alone) for alone in names)
    else:
        assert len(pattern.all) == 1
        assert len(pattern.all[0]) <= MOST_ALONE


@pytest.mark.parametrize("pattern", **EACH)
def test_it_is_not_told_when_the_model_named_it(
    terminology: Terminology, pattern: FindingPattern
) -> None:
    patient, names = complete(pattern)
    chart = chart_of(patient, names)
    assert pattern.diagnosis not in told(chart, terminology, "Gout", pattern.diagnosis)


@pytest.mark.parametrize(
    "pattern", [p for p in patterns() if p.sex or p.from_years or p.below_years < 200]
)
def test_it_is_not_told_of_a_patient_it_does_not_speak_of(pattern: FindingPattern) -> None:
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
        assert not pattern.fits(patient)


def test_every_pattern_has_a_source_and_names_what_there_is(terminology: Terminology) -> None:
    assert len({p.id for p in patterns()}) == len(patterns())
    for pattern in patterns():
        assert len(pattern.source) > 20, pattern.id
        assert len(pattern.says) > 15, pattern.id
        assert pattern.looked_up is False or date.fromisoformat(str(pattern.looked_up)), pattern.id
        assert {*pattern.names, *pattern.none} <= known_criteria(), pattern.id
        assert pattern.all or pattern.at_least > 1, pattern.id
        assert all(terminology.concept(c) for c in pattern.codes), pattern.id
        assert all(terminology.concept(m) for m in pattern.mesh), pattern.id
        assert all(e.startswith(pattern.codes) for e in pattern.event), pattern.id
        assert bool(pattern.score) == (pattern.score_at_least > 0), pattern.id
        assert not pattern.score or pattern.score in scores(), pattern.id


def test_no_symptom_code_records_an_event() -> None:
    """A reason of the visit such as R55 (syncope) or R50 (fever) is no diagnosis of the event."""
    symptoms = ("R04.2", "R06", "R07", "R10", "R42", "R50.9", "R51", "R55", "R56")
    for pattern in patterns():
        told = pattern.event or pattern.codes
        assert not [s for s in symptoms if s.startswith(told)], pattern.id


def test_every_label_is_of_a_criterion() -> None:
    text = files("cds_hooks.plausibility").joinpath("data/chart_rules/labels.toml").read_text()
    assert set(tomllib.loads(text)["findings"]) <= known_criteria()


def test_every_limit_and_history_is_used() -> None:
    used = {n for p in patterns() for n in (*p.names, *p.none)}
    used |= {n for s in scores().values() for i in s.items for n in i.any}
    assert (set(result_limits()) | set(histories())) - used == set()
    for limit in result_limits().values():
        assert limit.analyte in analytes(), limit.id
    for history in histories().values():
        assert set(history.findings) <= set(findings()), history.id


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
    told_by = FindingIndex(index_chart(chart(Fact("S1", Kind.COMPLAINT, text)), terminology))
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
    told_by = FindingIndex(
        index_chart(chart(Fact("P1", Kind.PROBLEM, "Chest pain", **rest)), terminology)
    )
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
    told_by = FindingIndex(index_chart(chart(Fact("N1", kind, text, days_ago=0.5)), terminology))
    assert bool(told_by.facts("chest-pain")) is seen


def test_what_is_a_relatives_does_not_count(terminology: Terminology, chart: Make) -> None:
    own = Fact("P1", Kind.PROBLEM, "Chest pain")
    assert FindingIndex(index_chart(chart(own), terminology)).facts("chest-pain") == ("P1",)
    fathers = replace(own, experiencer=Experiencer.FAMILY)
    assert FindingIndex(index_chart(chart(fathers), terminology)).facts("chest-pain") == ()


def test_what_a_note_denies_raises_nothing(terminology: Terminology) -> None:
    """A fast heart and a note of loose stools that denies all else: once, an embolism."""
    note = (
        "Loose stools for two days. Denies fever, chest pain, shortness of breath, or leg swelling."
    )
    answered = {"code": {"text": "Facial droop"}, "valueBoolean": False}
    chart = map_chart([PATIENT, _note(note), _heart_rate(118), _observation("o1", answered)],
                      patient_id="p1", now=NOW)  # fmt: skip
    assert red_flags(chart, [], terminology) == ()
    said = note.replace("Denies fever,", "Complains of")
    chart = map_chart([PATIENT, _note(said), _heart_rate(118)], patient_id="p1", now=NOW)
    assert [r.text.partition(":")[0] for r in red_flags(chart, [], terminology)] == [
        "Pulmonary embolism"
    ]


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-05-05"}


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
    assert FindingIndex(index_chart(over, terminology)).facts("cancer") == ("P1",)


def test_a_result_may_be_told_in_words(terminology: Terminology, chart: Make) -> None:
    said = chart(Fact("S1", Kind.COMPLAINT, "Fever and rapid heart rate, no hypotension"))
    finding_index = FindingIndex(index_chart(said, terminology))
    assert finding_index.any_of(["fever", "tachycardia", "hypotension"]) == ["fever", "tachycardia"]


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
    finding_index = FindingIndex(index_chart(old, terminology))
    assert not finding_index.any_of(["tachycardia", "recent-surgery", "on-digoxin"])


PROBLEM_DAYS = [(14.0, True), (14.1, False), (None, False)]


@pytest.mark.parametrize(("days", "seen"), PROBLEM_DAYS)
def test_a_symptom_on_the_problem_list_counts_when_it_is_new(
    terminology: Terminology, chart: Make, days: float | None, seen: bool
) -> None:
    listed = Fact("P1", Kind.PROBLEM, "Chest pain", status="active", days_ago=days)
    criteria = Criteria(FindingIndex(index_chart(chart(listed), terminology)))
    assert bool(criteria.met("chest-pain")) is seen


HISTORIES = [
    ("thyroid-storm", "E05.00", "Graves disease"),
    ("adrenal-crisis", "E27.1", "Addison disease"),
    ("febrile-neutropenia", "D70.9", "Neutropenia"),
    ("gastrointestinal-bleeding", "K26.9", "Duodenal ulcer"),
    ("acute-coronary-syndrome-troponin", "I25.2", "Old myocardial infarction"),
    ("pulmonary-embolism-wells", "I26.99", "Pulmonary embolism"),
    ("stroke", "I63.9", "Cerebral infarction"),
    ("diabetic-ketoacidosis", "E11.9", "Type 2 diabetes"),
]


@pytest.mark.parametrize(("rule", "code", "text"), HISTORIES)
def test_a_history_never_silences_a_pattern(
    terminology: Terminology, rule: str, code: str, text: str
) -> None:
    pattern = next(p for p in patterns() if p.id == rule)
    patient, names = complete(pattern)
    codes = (Code(ICD_10_CM, code, text),)
    old = Fact("P99", Kind.PROBLEM, text, codes, status="active", days_ago=800.0)
    chart = chart_of(patient, names)
    known = replace(chart, facts=(*chart.facts, old))
    (finding,) = [
        f
        for f in assess_chart(known, terminology).chart_findings
        if f.diagnosis == pattern.diagnosis
    ]
    assert finding.seriousness is pattern.seriousness
    assert pattern.diagnosis in told(known, terminology, "Gout")


@pytest.mark.parametrize(
    ("code", "status", "days", "recorded"),
    [
        ("I26.99", "active", 0.1, True),
        ("I26.99", "active", 2.0, True),
        ("I26.99", "active", 2.1, False),
        ("I26.99", "active", None, False),
        ("I26.99", "resolved", 0.1, False),
        ("I27.82", "active", 0.1, False),  # chronic pulmonary embolism
    ],
)
def test_the_event_recorded_in_this_encounter_is_told_as_recorded(
    terminology: Terminology, code: str, status: str, days: float | None, recorded: bool
) -> None:
    pattern = next(p for p in patterns() if p.id == "pulmonary-embolism-wells")
    chart = chart_of(*complete(pattern))
    entry = Fact("P99", Kind.PROBLEM, "Embolism", (Code(ICD_10_CM, code),), status=status,
                 days_ago=days)  # fmt: skip
    chart = replace(chart, facts=(*chart.facts, entry))
    (finding,) = [
        f
        for f in assess_chart(chart, terminology).chart_findings
        if f.diagnosis == pattern.diagnosis
    ]
    assert (finding.seriousness is Seriousness.NOTABLE) is recorded
    assert finding.told[0].startswith("recorded in this encounter") is recorded
    assert (pattern.diagnosis in told(chart, terminology, "Gout")) is not recorded


def test_a_stay_that_began_earlier_reaches_back_to_its_begin(terminology: Terminology) -> None:
    pattern = next(p for p in patterns() if p.id == "pulmonary-embolism-wells")
    chart = chart_of(*complete(pattern))
    entry = Fact("P99", Kind.PROBLEM, "Embolism", (Code(ICD_10_CM, "I26.99"),), status="active",
                 days_ago=5.0)  # fmt: skip
    stay = Fact("E1", Kind.ENCOUNTER, "Present encounter: Inpatient stay", days_ago=6.0)
    chart = replace(chart, facts=(*chart.facts, entry, stay))
    (finding,) = [
        f
        for f in assess_chart(chart, terminology).chart_findings
        if f.diagnosis == pattern.diagnosis
    ]
    assert finding.seriousness is Seriousness.NOTABLE


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
    for reason in red_flags(chart, [], terminology):
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
    found = red_flags(Chart(PatientFacts(50, "female"), (note,)), [], terminology)
    assert any(r.text.startswith("Pulmonary embolism") for r in found) is told
