"""Evidence about this patient, of now, and not the opposite of what the chart says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cds_hooks.consultation import Assessment, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.chart.results_by_analyte import analytes
from cds_hooks.plausibility.checks.evidence import claim_result, is_about_another
from cds_hooks.plausibility.checks.evidence_age import limit_days, recency
from fhir_mapping import map_chart
from fhir_mapping.chart import Certainty, Chart, Code, Fact, Flag, Kind, Polarity

Make = Callable[..., Any]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ICD, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org"


@pytest.fixture(scope="session")
def judged(terminology: Terminology, chart: Make, differential: Make) -> Callable[..., Assessment]:
    """A pulmonary embolism that cites claims on a chart of these facts."""

    def make(*facts: Fact, claims: tuple[str, ...], name: str = "Pulmonary embolism") -> Assessment:
        made: Chart = chart(*facts)
        return assess_candidates(made, [differential((name, *claims))], terminology)[0]

    return make


def said(found: Assessment, check: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(r.result, r.fact_ids) for r in found.reasons if r.check == check]


def complaint(text: str) -> Fact:
    """What a visit is for, as the mapper tells it."""
    visit = {"resourceType": "Encounter", "id": "e1", "status": "in-progress",
             "subject": {"reference": "Patient/p1"}, "period": {"start": "2026-01-01T08:00:00Z"},
             "reasonCode": [{"text": text}]}  # fmt: skip
    (fact,) = map_chart([visit], patient_id="p1", now=NOW).of(Kind.COMPLAINT)
    return fact


def entry(text: str, code: str = "") -> Fact:
    """An entry of the problem list, as the mapper tells it."""
    concept: dict[str, Any] = {"text": text}
    if code:
        concept["coding"] = [{"system": ICD, "code": code}]
    problem = {"resourceType": "Condition", "id": "c1", "code": concept,
               "subject": {"reference": "Patient/p1"}}  # fmt: skip
    (fact,) = map_chart([problem], patient_id="p1", now=NOW).of(Kind.PROBLEM)
    return fact


def potassium(fact_id: str, days_ago: float, flag: Flag, value: float = 6.0) -> Fact:
    codes = (Code(LOINC, "2823-3"),)
    told = {"value": value, "unit": "mmol/L", "flag": flag, "days_ago": days_ago}
    return Fact(fact_id, Kind.LAB, f"Potassium {value}", codes, **told)


@pytest.mark.parametrize(
    "text",
    [
        "No fever", "Denies chest pain", "Patient denies substance abuse", "Negative for cough",
        "Without night sweats", "No recent trauma or injury", "Never had seizures",
    ],
)  # fmt: skip
def test_a_denial_in_words_is_no_finding(text: str, judged: Make) -> None:
    denied = complaint(text)
    assert denied.polarity is Polarity.ABSENT
    assert (claim_result(denied, "present"), claim_result(denied, "absent")) == ("fail", "pass")
    found = judged(denied, claims=("S1 present",))
    assert said(found, "evidence-direction") == [("fail", ("S1",))]
    assert found.verdict is Verdict.UNCERTAIN


@pytest.mark.parametrize(
    "text",
    [
        "No relief with ibuprofen", "No recollection of episodes", "Nocturia", "No longer walks",
        "Nosebleed", "No pulse in the left foot", "Cough without sputum", "No energy since May",
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_denial_is_a_finding(text: str) -> None:
    fact = complaint(text)
    assert fact.polarity is Polarity.PRESENT
    assert claim_result(fact, "present") == "pass"


def test_what_is_only_suspected_is_neither_present_nor_absent(judged: Make) -> None:
    suspected = complaint("Possible seizure")
    assert suspected.certainty is Certainty.UNCERTAIN
    assert (claim_result(suspected, "present"), claim_result(suspected, "absent")) == (
        "abstain",
        "abstain",
    )
    found = judged(suspected, claims=("S1 present",))
    assert said(found, "evidence-direction") == [("abstain", ("S1",))]


@pytest.mark.parametrize(
    "fact",
    [
        Fact("F1", Kind.FAMILY, "Mother: breast cancer"),
        complaint("Family history of pulmonary embolism"),
        complaint("Familial history of similar symptoms"),
        complaint("Father had a stroke at 50"),
        entry("Hx", "Z80.3"),
        entry("Maternal aunt with lupus"),
    ],
    ids=lambda f: f.text,
)
def test_a_relatives_disease_is_not_the_patients(fact: Fact, judged: Make) -> None:
    assert is_about_another(fact)
    found = judged(fact, claims=(f"{fact.id} present",))
    assert said(found, "evidence-about") == [("abstain", (fact.id,))]
    assert found.verdict is not Verdict.SUPPORTED


@pytest.mark.parametrize(
    "fact",
    [
        complaint("Mother reports that he has had a fever"),
        complaint("Chest pain while visiting family"),
        entry("Hx", "Z86.711"),
        Fact("L1", Kind.LAB, "Mother had"),
    ],
    ids=lambda f: f.text,
)
def test_what_relatives_report_of_the_patient_is_the_patients(fact: Fact) -> None:
    assert not is_about_another(fact)


@pytest.mark.parametrize("analyte", sorted(recency().analytes))
def test_a_result_ages_by_what_it_measures(analyte: str) -> None:
    code = (Code(LOINC, min(analytes()[analyte].loinc)),)
    found = limit_days(Fact("L1", Kind.LAB, "x", code))
    assert found == min(recency().analytes[analyte], recency().kinds["lab"])


def test_what_does_not_age_has_no_limit_and_other_results_have_their_kinds() -> None:
    assert limit_days(Fact("F1", Kind.FAMILY, "Mother: gout")) is None
    assert limit_days(Fact("X1", Kind.PROCEDURE, "Appendectomy")) is None
    assert limit_days(Fact("L1", Kind.LAB, "Antibody X")) == 365


@pytest.mark.parametrize(("days_ago", "old"), [(29.0, False), (31.0, True), (None, False)])
def test_an_old_potassium_is_told_as_old(judged: Make, days_ago: float | None, old: bool) -> None:
    fact = potassium("L1", 0.0, Flag.HIGH)
    aged = Fact("L1", fact.kind, fact.text, fact.codes, fact.value, flag=fact.flag,
                days_ago=days_ago)  # fmt: skip
    found = judged(aged, claims=("L1 high",))
    assert said(found, "evidence-recent") == ([("abstain", ("L1",))] if old else [])


@pytest.mark.parametrize(
    ("newer", "told"),
    [
        (potassium("L2", 0.0, Flag.NORMAL, 4.0), True),
        (potassium("L2", 0.0, Flag.LOW, 3.0), True),
        (potassium("L2", 0.0, Flag.CRITICAL_HIGH, 7.0), False),
        (potassium("L2", 9.0, Flag.NORMAL, 4.0), False),
        (Fact("L2", Kind.LAB, "Sodium", (Code(LOINC, "2951-2"),), 140.0, flag=Flag.NORMAL,
              days_ago=0.0), False),
    ],
    ids=["normal", "low", "higher", "older", "another"],
)  # fmt: skip
def test_a_result_that_a_newer_one_overtook(judged: Make, newer: Fact, told: bool) -> None:
    high = potassium("L1", 2.0, Flag.HIGH)
    found = judged(high, newer, claims=("L1 high",), name="Addison disease")
    assert said(found, "evidence-superseded") == ([("abstain", ("L1", "L2"))] if told else [])
    assert found.verdict is (Verdict.PLAUSIBLE if told else Verdict.SUPPORTED)
