"""A name that is no diagnosis is told as what it is, and never becomes one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.plausibility import MatchStatus, Terminology
from cds_hooks.plausibility.checks.diagnosis_name import _judge
from cds_hooks.plausibility.terminology.non_diagnoses import (
    KnownVocabulary,
    NonDiagnosisKind,
    non_diagnosis_of,
)


@pytest.mark.parametrize(
    ("name", "kind", "heading"),
    [
        ("Furosemide", NonDiagnosisKind.SUBSTANCE, "Furosemide"),
        ("High-dose oral prednisone", NonDiagnosisKind.SUBSTANCE, "Prednisone"),
        ("Rifampin, isoniazid and ethambutol", NonDiagnosisKind.SUBSTANCE, "Rifampin"),
        ("Start lisinopril", NonDiagnosisKind.SUBSTANCE, "Lisinopril"),
        ("Campylobacter jejuni", NonDiagnosisKind.ORGANISM, "Campylobacter jejuni"),
        ("Craniotomy", NonDiagnosisKind.PROCEDURE, "Craniotomy"),
        ("MRI", NonDiagnosisKind.PROCEDURE, ""),
        ("MRI of the sacroiliac joint", NonDiagnosisKind.PROCEDURE, ""),
        ("Radiograph of the spine", NonDiagnosisKind.PROCEDURE, ""),
        ("Anti-desmosome antibodies", NonDiagnosisKind.SUBSTANCE, "Antibodies"),
        ("Decreased ACTH level", NonDiagnosisKind.CHANGE, "Adrenocorticotropic Hormone"),
        ("Sodium channel defect", NonDiagnosisKind.CHANGE, "Sodium Channels"),
        ("Normal aging", NonDiagnosisKind.NORMAL, ""),
        ("Metatarsal bones", NonDiagnosisKind.ANATOMY, "Metatarsal Bones"),
    ],
)
def test_what_is_no_diagnosis_is_told_as_what_it_is(
    terminology: Terminology, name: str, kind: NonDiagnosisKind, heading: str
) -> None:
    found = terminology.resolve(name)
    assert found.other is not None
    assert (found.other.kind, found.other.display) == (kind, heading)
    assert not found.recognised
    result, text = _judge(found)
    assert result == "fail"
    assert text.startswith(f"not a diagnosis but {kind}")


@pytest.mark.parametrize(
    "name",
    ["Glorbitis", "MRI of the glorb", "Normal glorb", "Anti-glorbal antibodies", "Start glorbex"],
)
def test_every_word_must_be_known(terminology: Terminology, name: str) -> None:
    assert terminology.resolve(name).other is None


@pytest.mark.parametrize(
    "name", ["Pneumonia", "Normal pressure hydrocephalus", "Digoxin toxicity", "Cytomegalovirus"]
)
def test_a_diagnosis_is_nothing_else(terminology: Terminology, name: str) -> None:
    found = terminology.resolve(name)
    assert found.recognised
    assert found.other is None


@pytest.mark.parametrize(
    ("name", "qualifiers"),
    [
        ("Acetazolamide overdose", ("acetazolamide",)),
        ("Bacillus cereus infection", ("bacillus", "cereus")),
        ("Fusarium keratitis", ("fusarium",)),
    ],
)
def test_a_drug_or_an_organism_goes_with_its_own_diseases(
    terminology: Terminology, name: str, qualifiers: tuple[str, ...]
) -> None:
    found = terminology.resolve(name)
    assert found.status is MatchStatus.PARTIAL or found.exact
    assert found.recognised
    assert found.exact or found.qualifiers == qualifiers


@pytest.mark.parametrize("name", ["Furosemide osteoporosis", "Bacillus gout"])
def test_a_drug_or_an_organism_goes_with_no_other_disease(
    terminology: Terminology, name: str
) -> None:
    assert not terminology.resolve(name).recognised


def test_a_name_of_an_ontology_is_found_as_its_concept(terminology: Terminology) -> None:
    found = terminology.resolve("Rombo syndrome")
    assert found.exact
    assert [c.system for c in found.concepts] == ["http://purl.obolibrary.org/obo/mondo.owl"]


def test_a_name_that_only_an_ontology_has_keeps_the_code_of_what_it_is_a_kind_of(
    terminology: Terminology,
) -> None:
    found = terminology.resolve("Exertional heat stroke")
    assert found.status is MatchStatus.PARTIAL
    assert [c.code for c in found.icd] == ["T67.0"]


@given(st.lists(st.text(max_size=12), max_size=12))
def test_any_words_are_answered(written: Sequence[str]) -> None:
    nothing = KnownVocabulary(lambda _: {}, lambda _: False)
    assert non_diagnosis_of(written, nothing) is None or all(written)
