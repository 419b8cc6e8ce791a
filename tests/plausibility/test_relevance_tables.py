"""The tables of relevance: what is not expected in them is an error that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.finding_index import findings
from cds_hooks.plausibility.relevance import (
    RelevanceError,
    disease_knowledge,
    hpo_signs,
    load_tables,
    sign_table,
    systems_of,
)
from cds_hooks.plausibility.relevance.organ_systems import systems
from cds_hooks.plausibility.relevance.sign_table import read_rows

HEAD = 'version = "1"\n'
ROW = """
[[disease]]
name = "Pulmonary embolism"
codes = ["I26"]
mesh = ["D011655"]
source = "a publication"
looked_up = false
"""


def read(tmp_path: Path, text: str) -> list[sign_table.Disease]:
    file = tmp_path / "chest.toml"
    file.write_text(text, "utf-8")
    return read_rows([file], {"dyspnea", "d-dimer-high", "fever"})


def test_a_row_tells_signs_for_and_against_with_strength_and_source(tmp_path: Path) -> None:
    (row,) = read(
        tmp_path,
        HEAD + ROW + '[disease.for]\ndyspnea = "moderate"\n'
        'd-dimer-high = { strength = "weak", lr = 1.6, source = "another" }\n'
        '[disease.against]\nd-dimer-normal = { strength = "strong", lr = 0.1 }\n'
        'absent-dyspnea = "weak"\n',
    )
    assert (row.name, row.codes, row.mesh) == (
        "Pulmonary embolism",
        ("I26",),
        frozenset({"D011655"}),
    )
    dyspnea, dimer = row.signs_for["dyspnea"], row.signs_for["d-dimer-high"]
    assert (dyspnea.strength, dyspnea.source, dyspnea.lr) == ("moderate", "a publication", None)
    assert (dimer.strength, dimer.source, dimer.lr) == ("weak", "another", 1.6)
    assert row.signs_against["d-dimer-normal"].lr == 0.1
    assert row.signs_against["absent-dyspnea"].strength == "weak"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (ROW, "chest.toml"),
        (HEAD + "[[disease", "chest.toml"),
        (HEAD + ROW + 'color = "red"\n', "chest.toml: Pulmonary embolism: color"),
        (HEAD + 'rows = 1\n', "chest.toml: rows"),
        (HEAD + ROW + '[disease.for]\ndyspnoea = "weak"\n', "Pulmonary embolism: for: dyspnoea"),
        (HEAD + ROW + '[disease.for]\nabsent-x = "weak"\n', "Pulmonary embolism: for: absent-x"),
        (HEAD + ROW + '[disease.for]\nx-normal = "weak"\n', "Pulmonary embolism: for: x-normal"),
        (HEAD + ROW + '[disease.for]\nfever = "fair"\n', "Pulmonary embolism: for: fever"),
        (HEAD + ROW + "[disease.for]\nfever = 3\n", "Pulmonary embolism: for: fever"),
        (HEAD + ROW + '[disease.for]\nfever = { strength = "weak", of = 1 }\n', "fever: of"),
        (HEAD + ROW + '[disease.for]\nfever = { strength = "weak", lr = -1 }\n', "for: fever"),
        (HEAD + ROW + '[disease.for]\nfever = "weak"\n[disease.against]\nfever = "weak"\n',
         "Pulmonary embolism: fever"),
        (HEAD + '[[disease]]\nname = "X"\nsource = "s"\n', "chest.toml: X"),
        (HEAD + '[[disease]]\nname = "X"\ncodes = "I26"\n', "chest.toml: X"),
        (HEAD + '[[disease]]\nname = "X"\ncodes = ["I26"]\n[disease.for]\nfever = "weak"\n',
         "X: for: fever"),
    ],
)  # fmt: skip
def test_what_a_table_may_not_say_is_an_error_with_its_path(
    tmp_path: Path, text: str, where: str
) -> None:
    with pytest.raises(RelevanceError) as caught:
        read(tmp_path, text)
    assert caught.value.where.endswith(where)
    assert caught.value.code == "relevance-table"


def test_every_shipped_table_can_be_read() -> None:
    load_tables()
    assert {s.id for s in systems().values()} >= {"circulatory", "nervous", "infection", "cancer"}
    assert all(f in findings() for told in hpo_signs.annotated().values() for f in names(told))


def names(told: str) -> list[str]:
    return [name.removesuffix("+") for name in told.split()]


@pytest.mark.parametrize(
    ("name", "expected", "other"),
    [
        ("Pulmonary embolism", {"circulatory", "respiratory"}, {"eye", "mind", "mouth"}),
        ("Pneumonia", {"respiratory", "infection"}, {"endocrine", "female-genital"}),
        ("Sepsis", {"infection", "circulatory", "urinary", "blood"}, {"eye", "breast"}),
        ("Systemic lupus erythematosus", {"skin", "musculoskeletal", "immune"}, {"mouth"}),
        ("Aplastic anemia", {"blood"}, {"eye", "urinary", "infection"}),
        ("Migraine", {"nervous"}, {"digestive", "infection", "cancer"}),
        ("Appendicitis", {"digestive", "inflammation"}, {"nervous", "cancer", "eye"}),
        ("Ovarian torsion", {"female-genital"}, {"male-genital", "endocrine", "nervous"}),
        ("Benign prostatic hyperplasia", {"male-genital"}, {"female-genital", "liver"}),
        ("Pyelonephritis", {"urinary"}, {"nervous", "eye", "endocrine"}),
        ("Glioblastoma", {"nervous", "cancer"}, {"digestive", "urinary"}),
        ("Cutaneous melanoma", {"skin", "cancer"}, {"digestive", "urinary"}),
        ("Gout", {"musculoskeletal", "inflammation"}, {"nervous", "eye", "infection"}),
        ("Depression", {"mind"}, {"infection", "urinary"}),
        ("Acute otitis media", {"ear-nose-throat", "infection"}, {"urinary", "endocrine"}),
        ("Lobar pneumonia", {"respiratory", "infection"}, {"endocrine"}),
    ],
)
def test_a_disease_has_the_systems_of_its_places_in_the_trees(
    terminology: Terminology, name: str, expected: set[str], other: set[str]
) -> None:
    found = systems_of(terminology.resolve(name).concepts)
    assert expected <= found
    assert not other & found


def test_a_term_of_an_ontology_has_the_systems_of_the_classes_above_it(
    terminology: Terminology,
) -> None:
    concept = terminology.concept("DOID:0050534")  # congenital stationary night blindness
    assert concept is not None
    assert "eye" in systems_of([concept])
    assert "urinary" not in systems_of([concept])


def test_codes_count_from_the_first_of_a_range_to_the_last(terminology: Terminology) -> None:
    told = {
        code: "respiratory" in systems_of([c])
        for code in ("I99", "J00", "J98.8", "K00.0", "I26.99", "I35.0")
        if (c := terminology.concept(code)) is not None
    }
    assert told["J00"]
    assert told["J98.8"]
    assert told["I26.99"]
    assert not told["K00.0"]
    assert not told["I35.0"]


@pytest.mark.parametrize(
    ("name", "sign", "strength"),
    [
        ("Acute intermittent porphyria", "abdominal-pain", "moderate"),
        ("Wilson disease", "tremor", "weak"),
        ("Marfan syndrome", "pneumothorax-imaging", "moderate"),
    ],
)
def test_a_rare_disease_has_the_signs_of_its_annotations(
    terminology: Terminology, name: str, sign: str, strength: str
) -> None:
    found = hpo_signs.signs_of(terminology.resolve(name).concepts)
    assert found[sign].strength == strength
    assert "2025-01-16" in found[sign].source
    assert "Human Phenotype Ontology" in found[sign].source


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Meningitis", "Bacterial meningitis"),
        ("Acute contagious conjunctivitis", "Conjunctivitis"),
    ],
)
def test_a_disease_without_a_row_has_those_of_its_kinds_or_of_what_it_is_a_kind_of(
    terminology: Terminology, name: str, row: str
) -> None:
    concepts = terminology.resolve(name).concepts
    assert sign_table.of_concepts(concepts) == ()
    found, _ = disease_knowledge.rows_of(concepts, terminology.concept)
    assert any(row.lower() in r.name.lower() for r in found), [r.name for r in found]


def test_a_heading_near_the_root_says_nothing_of_what_is_below(terminology: Terminology) -> None:
    for name in ("D014777", "D008171"):  # virus diseases, lung diseases
        concept = terminology.concept(name)
        assert concept is not None
        assert disease_knowledge.rows_of((concept,), terminology.concept) == ((), False)


def test_the_nearest_code_that_a_row_names_decides(terminology: Terminology) -> None:
    ketoacidosis, plain = (terminology.concept(c) for c in ("E11.10", "E11.9"))
    assert ketoacidosis is not None
    assert plain is not None
    assert [r.name for r in sign_table.of_concepts([ketoacidosis])] == ["Diabetic ketoacidosis"]
    assert [r.name for r in sign_table.of_concepts([plain])] == ["Type 2 diabetes mellitus"]


def test_a_name_for_several_diseases_has_the_rows_of_these(terminology: Terminology) -> None:
    found = sign_table.of_concepts(terminology.resolve("Acute coronary syndrome").concepts)
    assert {r.name for r in found} == {"Acute myocardial infarction", "Unstable angina"}
    for codes in sign_table._same_signs().values():
        assert all(sign_table._of_icd(c) for c in codes), codes
