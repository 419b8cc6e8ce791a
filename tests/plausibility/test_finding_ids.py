"""The ids of findings: one vocabulary for words, results and drugs."""

from __future__ import annotations

import re

import pytest

from cds_hooks.plausibility.chart.finding_index import WAYS, findings
from cds_hooks.plausibility.chart.results_by_analyte import analytes, analytes_of
from fhir_mapping.chart import Code, Fact, Kind
from fhir_mapping.findings import vocabulary

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def test_ids_are_lower_case_words_joined_by_hyphens() -> None:
    assert [n for n in findings() if not _ID.fullmatch(n)] == []


@pytest.mark.parametrize(
    "name",
    ["orthopnea", "melena", "cva-tenderness", "st-elevation", "tick-bite", "on-anticoagulant"],
)
def test_a_symptom_a_sign_an_exposure_and_a_drug_are_findings(name: str) -> None:
    assert name in findings()


def test_each_way_a_result_may_lie_is_a_finding() -> None:
    assert {f"{a}-{way}" for a in analytes() for way in WAYS} <= findings().keys()


def test_every_finding_in_words_has_words_in_lower_case() -> None:
    for told in vocabulary().values():
        assert told.words
        assert all(word == word.lower() for word in told.words)


@pytest.mark.parametrize(
    ("text", "analyte", "not_analyte"),
    [
        ("Leukocytes 12 10*3/uL", "leukocytes", "csf-leukocytes"),
        ("Leukocytes (Cerebrospinal fluid) 1200 /uL", "csf-leukocytes", "leukocytes"),
        ("Glucose (Urine) 3+", "urine-glucose", "glucose"),
        ("Protein (Cerebrospinal fluid) 2 g/L", "csf-protein", "protein-total"),
    ],
)
def test_a_name_with_another_specimen_is_another_analyte(
    text: str, analyte: str, not_analyte: str
) -> None:
    found = analytes_of(Fact("L1", Kind.LAB, text))
    assert analyte in found
    assert not_analyte not in found


def test_a_code_of_a_narrower_analyte_is_also_the_wider_one() -> None:
    fact = Fact("L1", Kind.LAB, "x", (Code("http://loinc.org", "6598-7"),))
    assert analytes_of(fact) == {"troponin", "troponin-t"}
