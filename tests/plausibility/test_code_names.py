"""Names for codes without words: ICD-10-CM's own, of other editions of ICD-10 the category's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.code_names import names_at, names_by
from fhir_mapping.chart import Code

CM = "http://hl7.org/fhir/sid/icd-10-cm"
WHO = "http://hl7.org/fhir/sid/icd-10"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"


@pytest.mark.parametrize(
    ("system", "code", "begins"),
    [
        (CM, "I21.4", "Non-ST elevation"),
        (WHO, "C34.8", "Malignant neoplasm of bronchus and lung (ICD-10 C34.8)"),
        (GM, "R65.2", "Symptoms and signs specifically associated with systemic inflammation"),
    ],
)
def test_a_code_gets_a_name(terminology: Terminology, system: str, code: str, begins: str) -> None:
    assert (names_by(terminology)(Code(system, code)) or "").startswith(begins)


@pytest.mark.parametrize(
    ("system", "code"),
    [("http://snomed.info/sct", "22298006"), ("", "I21.4"), (CM, "ZZZ.9"), (WHO, "QQ")],
)
def test_other_codes_have_none(terminology: Terminology, system: str, code: str) -> None:
    assert names_by(terminology)(Code(system, code)) is None


def test_without_the_file_no_code_has_a_name(tmp_path: Path) -> None:
    assert names_at(tmp_path / "none.sqlite")(Code(CM, "I21.4")) is None
