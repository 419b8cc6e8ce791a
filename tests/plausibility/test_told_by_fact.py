"""What one fact tells and denies, in words and as a result."""

from __future__ import annotations

import pytest

from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts, Polarity
from fhir_mapping.findings import Told

LOINC = "http://loinc.org"


def told(fact: Fact, age: float = 50.0) -> Told:
    return FindingIndex(index_chart(Chart(PatientFacts(age, "female"), (fact,)), None)).of_fact(
        fact.id
    )


def result(code: str, value: float, unit: str, flag: Flag | None = None, days: float = 0) -> Fact:
    codes = (Code(LOINC, code),)
    return Fact("L1", Kind.LAB, "x", codes, value, unit=unit, flag=flag, days_ago=days)


def test_a_high_troponin_tells_so_and_denies_a_low_one() -> None:
    found = told(result("6598-7", 0.9, "ng/mL", Flag.HIGH))
    assert {"troponin-high", "troponin-t-high", "troponin-abnormal"} <= found.affirmed
    assert "troponin-low" in found.denied


def test_a_normal_result_denies_what_it_would_tell() -> None:
    found = told(result("6598-7", 0.01, "ng/mL", Flag.NORMAL))
    assert found.affirmed == {"troponin-negative", "troponin-t-negative"}
    assert {"troponin-high", "troponin-low", "troponin-abnormal"} <= found.denied


def test_a_result_without_a_flag_tells_and_denies_neither() -> None:
    found = told(result("2951-2", 128.0, "mmol/L"))
    assert found == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("polarity", "tells", "denies"),
    [(Polarity.PRESENT, "sars-cov-2-positive", "sars-cov-2-negative"),
     (Polarity.ABSENT, "sars-cov-2-negative", "sars-cov-2-positive")],
)  # fmt: skip
def test_a_test_that_answers(polarity: Polarity, tells: str, denies: str) -> None:
    codes = (Code(LOINC, "94500-6"),)
    found = told(Fact("L1", Kind.LAB, "SARS-CoV-2 RNA", codes, polarity=polarity))
    assert tells in found.affirmed
    assert denies in found.denied


def test_an_old_result_still_tells_what_it_was() -> None:
    assert "potassium-high" in told(result("2823-3", 7.0, "mmol/L", Flag.HIGH, 400)).affirmed


@pytest.mark.parametrize(("age", "fast"), [(0.1, False), (50.0, True)])
def test_a_vital_sign_is_judged_by_age(age: float, fast: bool) -> None:
    found = told(result("8867-4", 150.0, "/min"), age)
    assert ("tachycardia" in found.affirmed) is fast
    assert ("tachycardia" in found.denied) is not fast


def test_words_and_an_unknown_fact() -> None:
    assert "dyspnea" in told(Fact("S1", Kind.COMPLAINT, "Dyspnea")).affirmed
    finding_index = FindingIndex(index_chart(Chart(PatientFacts(50, "female"), ()), None))
    assert finding_index.of_fact("L9") == (frozenset(), frozenset())
