"""What a medication list explains or conflicts with, from both sides."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.plausibility import Terminology, assess_candidates, assess_chart
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, index_chart
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.checks.medications import DrugMayCause
from cds_hooks.plausibility.rules.drugs import (
    DrugConflict,
    DrugEffect,
    common_effects,
    drug_conflicts,
    drug_effects,
)
from cds_hooks.plausibility.terminology.resolution import MatchStatus, Resolution
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

Make = Callable[..., Any]
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def drug(name: str, status: str = "active") -> Fact:
    return Fact("M1", Kind.MEDICATION, f"{name.capitalize()} 5 MG Oral Tablet", status=status)


def result(analyte: str, **rest: Any) -> Fact:
    codes = (Code(LOINC, min(analytes()[analyte].loinc)),)
    return Fact("L1", Kind.LAB, analyte, codes=codes, days_ago=0.0, **rest)


def concerns(*facts: Fact, age: float | None = 70) -> dict[str, tuple[str, ...]]:
    """Source -> fact ids of what is told."""
    chart = Chart(PatientFacts(age, "female"), facts)
    return {r.source: r.fact_ids for r in assess_chart(chart, None).medication_concerns}


@pytest.mark.parametrize("effect", drug_effects(), ids=[e.id for e in drug_effects()])
def test_a_diagnosis_that_a_current_drug_causes_is_told(
    terminology: Terminology, effect: DrugEffect
) -> None:
    concept = terminology.concept((*effect.codes, *sorted(effect.mesh))[0])
    assert concept is not None
    for name, status, told in (
        (effect.drugs[0], "active", True),
        (effect.drugs[-1], "active", True),
        (effect.drugs[0], "stopped", False),
        ("Placebo", "active", False),
    ):
        indexed = index_chart(Chart(PatientFacts(60), (drug(name, status),)), terminology)
        found = Resolution("x", MatchStatus.EXACT, (concept,), "x")
        case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), indexed, terminology)
        sources = {effect.source, *(c.source for c in common_effects() if c.effect == effect.id)}
        reasons = [r for r in DrugMayCause()(case) if r.source in sources]
        assert [(r.result, r.fact_ids) for r in reasons] == ([("abstain", ("M1",))] if told else [])


@pytest.mark.parametrize(
    "effect",
    [e for e in drug_effects() if e.analyte],
    ids=[e.id for e in drug_effects() if e.analyte],
)
def test_an_abnormal_result_that_a_current_drug_causes_is_told(effect: DrugEffect) -> None:
    asked = Flag.LOW if effect.needs == "low" else Flag.HIGH
    other = Flag.HIGH if effect.needs == "low" else Flag.LOW
    unit = next(iter(effect.below), None)

    def of(flag: Flag | None) -> Fact:
        return result(effect.analyte, value=1.0, flag=flag, unit=unit)

    found = concerns(drug(effect.drugs[0]), of(asked))
    assert found[effect.source] == ("L1", "M1")
    for facts in (
        (drug(effect.drugs[0]), of(other)),
        (drug(effect.drugs[0]), of(None)),
        (drug(effect.drugs[0], "stopped"), of(asked)),
        (of(asked),),
    ):
        assert effect.source not in concerns(*facts)


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (9.9, "g/dL", True),
        (10.0, "g/dL", False),
        (10.1, "g/dL", False),
        (99.0, "g/L", True),
        (100.0, "g/L", False),
        (6.1, "mmol/L", True),
        (6.2, "mmol/L", False),
        (9.9, "g/mL", False),
    ],
)
def test_a_mildly_low_hemoglobin_is_no_bleeding_from_a_drug(
    value: float, unit: str, told: bool
) -> None:
    low = result("hemoglobin", value=value, unit=unit, flag=Flag.LOW)
    texts = [
        r.text
        for r in assess_chart(
            Chart(PatientFacts(70, "female"), (drug("apixaban"), low)), None
        ).medication_concerns
    ]
    assert any(t.startswith("gastrointestinal bleeding") for t in texts) is told


@pytest.mark.parametrize("conflict", drug_conflicts(), ids=[c.id for c in drug_conflicts()])
def test_a_drug_that_conflicts_with_a_recorded_disease_is_told(conflict: DrugConflict) -> None:
    code = conflict.codes[0] if len(conflict.codes[0]) > 1 else "O14.90"
    active = Fact("P1", Kind.PROBLEM, "x", (Code(ICD, code),), status="active")
    over = Fact("P1", Kind.PROBLEM, "x", (Code(ICD, code),), status="resolved")
    other = Fact("P1", Kind.PROBLEM, "x", (Code(ICD, "H91.9"),), status="active")
    for name in (conflict.drugs[0], conflict.drugs[-1]):
        told = [
            r.fact_ids
            for r in assess_chart(
                Chart(PatientFacts(70, "female"), (drug(name), active)), None
            ).medication_concerns
            if (r.text, r.source) == (conflict.reason, conflict.source)
        ]
        assert ("M1", "P1") in told
    for facts in ((drug(conflict.drugs[0]), over), (drug(conflict.drugs[0]), other), (active,)):
        texts = [
            r.text
            for r in assess_chart(
                Chart(PatientFacts(70, "female"), facts), None
            ).medication_concerns
        ]
        assert conflict.reason not in texts


@pytest.mark.parametrize("conflict", [c for c in drug_conflicts() if c.analyte])
def test_a_drug_that_conflicts_with_a_result_is_told(conflict: DrugConflict) -> None:
    low = result(conflict.analyte, value=conflict.below - 1)
    enough = result(conflict.analyte, value=conflict.below)
    assert concerns(drug(conflict.drugs[0]), low)[conflict.source] == ("M1", "L1")
    assert conflict.source not in concerns(drug(conflict.drugs[0]), enough)


def test_every_entry_has_codes_that_exist_and_a_published_source(terminology: Terminology) -> None:
    for entry in (*drug_effects(), *drug_conflicts()):
        assert entry.codes or entry.mesh
        assert all(terminology.concept(c) for c in entry.codes if len(c) > 1)
        assert all(terminology.concept(m) for m in entry.mesh)
        assert len(entry.source) > 20
        assert entry.drugs
    assert len({e.id for e in drug_effects()}) == len(drug_effects())
    assert len({c.id for c in drug_conflicts()}) == len(drug_conflicts())


def test_a_cause_in_the_medication_list_informs_and_does_not_judge(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    complaint = Fact("S1", Kind.COMPLAINT, "Cough")
    sample = differential(("Angioedema", "S1 present"))
    (plain,) = assess_candidates(chart(complaint), [sample], terminology)
    (told,) = assess_candidates(chart(complaint, drug("lisinopril")), [sample], terminology)
    assert told.verdict is plain.verdict
    assert [r.fact_ids for r in told.reasons if r.check == "drug-may-cause"] == [("M1",)]


@pytest.mark.parametrize(
    ("age", "told"), [(70.0, True), (65.0, True), (40.0, False), (None, False)]
)
def test_criteria_for_older_adults_speak_of_older_adults(age: float | None, told: bool) -> None:
    failure = Fact(
        "P1", Kind.PROBLEM, "Heart failure", (Code(ICD, "I50.9", "Heart failure"),), status="active"
    )
    found = concerns(drug("ibuprofen"), failure, age=age)
    assert any("Beers" in source for source in found) is told


@pytest.mark.parametrize(
    ("name", "effect", "said"),
    [
        ("lisinopril", "cough", "commonly causes"),
        ("enalapril", "cough", "can cause"),
        ("amlodipine", "edema", "commonly causes"),
        ("pregabalin", "edema", "can cause"),
        ("metformin", "b12-deficiency", "commonly causes"),
        ("omeprazole", "b12-deficiency", "can cause"),
        ("lisinopril", "angioedema", "can cause"),
    ],
)
def test_commonly_is_said_only_where_it_was_looked_up(
    terminology: Terminology, name: str, effect: str, said: str
) -> None:
    (of,) = [e for e in drug_effects() if e.id == effect]
    concept = terminology.concept(of.codes[0])
    assert concept is not None
    indexed = index_chart(Chart(PatientFacts(60), (drug(name),)), terminology)
    found = Resolution("x", MatchStatus.EXACT, (concept,), "x")
    case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), indexed, terminology)
    assert [r.text for r in DrugMayCause()(case)] == [f"a current medication {said} it"]


def test_what_is_common_is_of_an_effect_and_its_drugs() -> None:
    drugs = {e.id: set(e.drugs) for e in drug_effects()}
    for one in common_effects():
        assert set(one.drugs) <= drugs[one.effect]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", one.looked_up)
        assert re.search(r"\d|common", one.says)
