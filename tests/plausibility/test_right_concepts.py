"""Names lead to the right concept: no code on a card is another disease's."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.plausibility import MatchStatus, Terminology
from cds_hooks.plausibility.terminology.name_variants import indexed, spoken

DATA = files("cds_hooks.plausibility").joinpath("data")
SPOKEN = {k: v for t in ("eponym", "plain") for k, v in tomllib.loads(
    DATA.joinpath("spoken.toml").read_text("utf-8"))[t].items()}  # fmt: skip
INDEX = tomllib.loads(DATA.joinpath("icd_index.toml").read_text("utf-8"))["code"]


@pytest.fixture(scope="module")
def concepts() -> ModuleType:
    import sys

    path = Path(__file__).with_name("concepts.py")
    spec = spec_from_file_location("concepts", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["concepts"] = module
    spec.loader.exec_module(module)
    return module


def test_the_list_is_as_it_says(concepts: ModuleType) -> None:
    sets = [e.set for e in concepts.expected()]
    assert (sets.count("sample"), sets.count("common")) == (150, 215)


@pytest.mark.parametrize("which", ["sample", "common"])
def test_no_name_bears_the_code_of_another_disease(
    concepts: ModuleType, terminology: Terminology, which: str
) -> None:
    wrong = [
        (e.name, terminology.resolve(e.name).codes)
        for e in concepts.expected()
        if e.set == which and concepts.checked(e, terminology) == "wrong"
    ]
    assert wrong == []


def test_everyday_diagnoses_are_found_with_their_code(
    concepts: ModuleType, terminology: Terminology
) -> None:
    found = concepts.counts("common", terminology)
    assert found["right"] / found.total() >= 0.92, found
    assert found["not recognised"] <= 2


@pytest.mark.parametrize(("said", "name"), SPOKEN.items())
def test_what_people_say_is_found_as_what_it_is(
    terminology: Terminology, said: str, name: str
) -> None:
    found, meant = terminology.resolve(said), terminology.resolve(name)
    assert meant.status is MatchStatus.EXACT
    assert found.recognised
    assert {c.code for c in found.concepts} & {c.code for c in meant.concepts}
    assert len(spoken()) == len(SPOKEN)


@pytest.mark.parametrize(("name", "code"), INDEX.items())
def test_the_index_gives_a_code_that_exists(terminology: Terminology, name: str, code: str) -> None:
    codes = code.split()
    concepts = [terminology.concept(c) for c in codes]
    assert [c.code for c in concepts if c] == codes
    found = terminology.resolve(name)
    if len(codes) > 1:
        assert not found.icd or not found.exact
        return
    assert found.status is MatchStatus.EXACT
    assert [c.code for c in found.icd] == codes
    assert indexed(["glorbitis"]) == []


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Acute hepatitis", "B15"),
        ("Hepatitis", "B15"),
        ("Vitamin deficiency", "E50"),
        ("Aortic valve stenosis", "Q25"),
        ("Aortic stenosis", "Q25"),
        ("Hypogonadism", "E23"),
        ("Oral candidiasis", "B37.9"),
        ("Diabetes mellitus", "O24"),
        ("CMV infection", "P35"),
        ("Cytomegalovirus infection", "P35"),
        ("Immature teratoma", "D28"),
        ("Ovarian neoplasm", "C"),
        ("Liver tumor", "C"),
        ("Brain metastasis", "C71"),
        ("Gastric metastasis", "C16"),
        ("Epidermoid cyst", "K09"),
        ("Fibrous dysplasia", "M27"),
        ("Pancreas", "C25"),
        ("Vascular", "Q82"),
        ("Hypertrophic cardiomyopathy", "I42.1"),
    ],
)
def test_a_name_is_not_taken_for_a_narrower_or_another_one(
    terminology: Terminology, name: str, other: str
) -> None:
    assert not [c.code for c in terminology.resolve(name).icd if c.code.startswith(other)]


@pytest.mark.parametrize("name", ["Hepatitis A", "Vitamin A deficiency"])
def test_a_letter_is_a_word(terminology: Terminology, name: str) -> None:
    bare = terminology.resolve(name.replace(" A", ""))
    found = terminology.resolve(name)
    assert found.status is MatchStatus.EXACT
    assert {c.code for c in found.icd} != {c.code for c in bare.icd}


@pytest.mark.parametrize(
    ("name", "matched", "over"),
    [
        ("Glorbaxate overdose", "Poisoning", ("glorbaxate",)),
        ("Acromegaly secondary to glorbosis", "Acromegaly", ("glorbosis",)),
    ],
)
def test_of_a_poisoning_and_a_cause_the_known_part_is_told(
    terminology: Terminology, name: str, matched: str, over: tuple[str, ...]
) -> None:
    found = terminology.resolve(name)
    assert (found.status, found.matched, found.uncovered) == (MatchStatus.PARTIAL, matched, over)
    assert not found.recognised


@pytest.mark.parametrize("name", ["Glorbax syndrome", "Glorbax pneumonia", "Glorbitis of the lung"])
def test_elsewhere_an_unknown_word_is_not_found(terminology: Terminology, name: str) -> None:
    assert terminology.resolve(name).status is MatchStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "recognised"),
    [
        ("Bed bug bite", True),
        ("Flea bite", True),
        ("Lunar bite", False),
        ("Flea appendicitis", False),
        ("Pneumocystis jiroveci pneumonia", True),
        ("Soleus muscle tear", True),
        ("Soleus osteoporosis", False),
    ],
)
def test_animals_species_and_muscles_go_with_their_own_diseases_only(
    terminology: Terminology, name: str, recognised: bool
) -> None:
    assert terminology.resolve(name).recognised is recognised


def test_a_course_that_the_title_leaves_open_is_not_exact(terminology: Terminology) -> None:
    found = terminology.resolve("Acute interstitial nephritis")
    assert found.status is MatchStatus.PARTIAL
    assert terminology.resolve("Interstitial nephritis").exact


def test_a_longer_term_lends_no_rules(terminology: Terminology) -> None:
    found: Any = terminology.resolve("Primary combined degeneration of spinal cord")
    assert found.status is MatchStatus.PARTIAL
    assert found.qualifiers == ()
