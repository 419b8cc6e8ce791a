"""What must not be missed comes from a list with sources, never from a model."""

from __future__ import annotations

import re

import pytest

from cds_hooks.plausibility import Terminology, discriminates
from cds_hooks.plausibility.rules.must_not_miss import must_not_miss, must_not_miss_list
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, MESH
from fhir_mapping.chart import Code


def icd(code: str) -> Code:
    return Code(ICD_10_CM, code, "")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("I26.99", "venous thromboembolism"),
        ("I21.A1", "acute coronary syndrome"),
        ("I63.9", "stroke"),
        ("I71.00", "aortic dissection or rupture"),
        ("I71.4", None),
        ("A41.9", "sepsis"),
        ("G00.9", "meningitis or encephalitis"),
        ("O00.90", "ectopic pregnancy"),
        ("E11.10", "diabetic ketoacidosis or hyperosmolar state"),
        ("E11.9", None),
        ("E87.5", "hyperkalemia"),
        ("E87.6", None),
        ("I50.9", None),
        ("I50.23", "acute pulmonary edema or acute heart failure"),
        ("I85.00", None),
        ("I85.01", "gastrointestinal bleeding"),
        ("J30.9", None),
        ("J45.901", None),
        ("J45.902", "status asthmaticus"),
        ("K35.80", "appendicitis"),
        ("M10.9", None),
    ],
)
def test_a_code_is_on_the_list_or_not(code: str, name: str | None) -> None:
    found = must_not_miss([icd(code)])
    assert (found.name if found else None) == name


def test_the_code_of_the_classification_decides_over_a_wider_heading() -> None:
    pneumothorax = Code(MESH, "D011030", "Pneumothorax")
    assert must_not_miss([pneumothorax]) is not None
    assert must_not_miss([icd("P25.1"), pneumothorax]) is None
    assert must_not_miss([]) is None
    assert must_not_miss([Code("urn:other", "I26.99", "")]) is None


def test_every_code_of_the_list_exists_and_every_row_has_a_source(terminology: Terminology) -> None:
    shipped = must_not_miss_list()
    for row in shipped.diagnosis:
        for code in row.codes:
            concept = terminology.concept(code)
            assert concept is not None, code
            assert concept.code == code
        for heading in row.mesh:
            assert terminology.concept(heading) is not None, heading
    for source in shipped.sources.values():
        assert source.looked_up is False or re.fullmatch(r"\d{4}-\d{2}-\d{2}", source.looked_up)
    assert len({row.name for row in shipped.diagnosis}) == len(shipped.diagnosis) > 50


@pytest.mark.parametrize(
    "text",
    [
        "fractional excretion of sodium",
        "serial troponin and ECG",
        "12-lead ECG with peaked T waves",
        "D-dimer",
        "CT pulmonary angiography",
        "TSH",
        "blood culture",
        "lumbar puncture",
        "chest pain on exertion",
    ],
)
def test_a_test_or_a_finding_discriminates(terminology: Terminology, text: str) -> None:
    assert discriminates(terminology)(text)


@pytest.mark.parametrize(
    "text", ["Premi2", "Premi2 test", "glorbitis panel", "Patient is active", "no", "", "M1", "?!"]
)
def test_what_is_neither_does_not(terminology: Terminology, text: str) -> None:
    assert not discriminates(terminology)(text)
