"""Looking names up: found by their words or not at all."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.plausibility import MatchStatus, Terminology
from cds_hooks.plausibility.terminology.name_keys import key, key_words

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
MESH = "http://id.nlm.nih.gov/mesh"
DO = "http://purl.obolibrary.org/obo/doid.owl"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("STEMI", "I21.3"),
        ("NSTEMI", "I21.4"),
        ("Non-ST elevation myocardial infarction", "I21.4"),
        ("acute pulmonary embolism", "I26.99"),
        ("Wegener granulomatosis", "M31.3"),
        ("Wegener's granulomatosis", "M31.3"),
        ("Type II diabetes mellitus", "E11"),
        ("lung cancer", "C34.90"),
        ("septic shock", "R65.21"),
        ("Community-acquired pneumonia", "D000098968"),
        ("temporal arteritis", "D013700"),
        ("acute coronary syndrome", "D054058"),
        ("phaeochromocytoma", "D010673"),
        ("COPD", "J44.9"),
        ("Crohn\u2019s disease", "K50"),
        ("Legg-Calvé-Perthes disease", "D007873"),
        ("UTI", "N39.0"),
        ("MI", "I21.9"),
        ("AAA", "I71.4"),
        ("Kawasaki", "M30.3"),
        ("Bernard-Soulier disease", "D001606"),
        ("Squamous cell lung cancer", "DOID:3907"),
        ("Turcot syndrome", "DOID:0112182"),
        ("Stage IV lung cancer", "C34.90"),
    ],
)
def test_a_name_is_found_as_its_concept(terminology: Terminology, written: str, code: str) -> None:
    found = terminology.resolve(written)
    assert found.status is MatchStatus.EXACT
    assert any(c.code == code or c.code.startswith(f"{code}.") for c in found.codes), found.codes
    assert all(c.system in (ICD, MESH, DO) and c.display for c in found.codes)


def test_st_elevation_never_becomes_its_opposite(terminology: Terminology) -> None:
    with_it = {c.code for c in terminology.resolve("STEMI").codes}
    without = {c.code for c in terminology.resolve("NSTEMI").codes}
    assert with_it.isdisjoint(without)


@pytest.mark.parametrize(
    ("written", "plain", "gone"),
    [
        ("suspected pulmonary embolism", "pulmonary embolism", "suspected"),
        ("Likely appendicitis", "appendicitis", "likely"),
        ("r/o aortic dissection", "aortic dissection", "r"),
        ("Left pneumothorax", "pneumothorax", "left"),
        ("severe asthma likely", "asthma", "likely"),
    ],
)
def test_certainty_side_and_severity_are_taken_away(
    terminology: Terminology, written: str, plain: str, gone: str
) -> None:
    found, bare = terminology.resolve(written), terminology.resolve(plain)
    if found.status is MatchStatus.EXACT:
        assert gone in found.stripped or gone == "r"
    assert {c.code for c in bare.codes} & {c.code for c in found.codes}


@pytest.mark.parametrize("written", ["viral osteoporosis", "reverse appendicitis"])
def test_words_left_over_are_told(terminology: Terminology, written: str) -> None:
    found = terminology.resolve(written)
    assert found.status is MatchStatus.PARTIAL
    assert found.uncovered == (written.split()[0],)
    assert not found.recognised


@pytest.mark.parametrize("written", ["glorbitis", "Zorblatt-Finch pneumonia", "", "  ", "!!", "42"])
def test_unknown_words_are_not_found(terminology: Terminology, written: str) -> None:
    found = terminology.resolve(written)
    assert found.status is MatchStatus.NOT_FOUND
    assert not found.concepts
    assert not found.recognised


def test_likeness_of_letters_is_never_enough(terminology: Terminology) -> None:
    assert terminology.resolve("glossitis").recognised
    assert not terminology.resolve("glorbitis").recognised
    assert not terminology.resolve("apendisitis").recognised


@pytest.mark.parametrize(
    "written",
    ["history of pulmonary embolism", "no pulmonary embolism", "family history of stroke"],
)
def test_a_turned_meaning_is_not_the_disease(terminology: Terminology, written: str) -> None:
    found = terminology.resolve(written)
    assert not found.recognised or all(c.code.startswith("Z") for c in found.icd)


@pytest.mark.parametrize("written", ["Epidural hematoma", "Strangulated hernia"])
def test_ambiguity_is_an_answer(terminology: Terminology, written: str) -> None:
    found = terminology.resolve(written)
    assert found.status is MatchStatus.AMBIGUOUS
    assert len(found.concepts) > 1
    assert found.recognised


def test_a_code_for_pregnancy_is_not_given_to_a_bare_name(terminology: Terminology) -> None:
    assert [c.code for c in terminology.resolve("Urinary tract infection").icd] == ["N39.0"]


@pytest.mark.parametrize(
    ("written", "qualifiers"),
    [
        ("Pancreatic hamartoma", ("pancreas",)),
        ("C. difficile enteritis", ("c", "difficile")),
        ("Femoral artery pseudoaneurysm", ("femoral", "artery")),
        ("Drug-induced photosensitivity", ("drug", "induced")),
        ("Propranolol overdose", ("propranolol",)),
        ("Appendicitis with local abscess formation", ("local", "abscess", "formation")),
        ("Inverse psoriasis", ("inverse",)),
        ("L4-L5 disc herniation", ("l4", "l5")),
    ],
)
def test_a_known_disease_with_a_fitting_qualifier_is_known_as_a_kind_of_it(
    terminology: Terminology, written: str, qualifiers: tuple[str, ...]
) -> None:
    found = terminology.resolve(written)
    assert found.status is MatchStatus.PARTIAL
    assert found.qualifiers == qualifiers
    assert found.recognised
    assert not found.exact


@pytest.mark.parametrize(
    "written",
    [
        "Viral osteoporosis",
        "Lunar pneumonia",
        "Femoral migraine",
        "Streptococcal gout",
        "Zorb gout",
    ],
)
def test_a_qualifier_that_does_not_go_with_a_disease_is_left_over(
    terminology: Terminology, written: str
) -> None:
    assert not terminology.resolve(written).recognised


@pytest.mark.parametrize("written", ["heart", "left knee", "liver"])
def test_a_part_of_the_body_is_no_diagnosis(terminology: Terminology, written: str) -> None:
    assert not terminology.resolve(written).recognised


def test_an_organism_alone_is_its_infection(terminology: Terminology) -> None:
    assert [c.code for c in terminology.resolve("Cytomegalovirus").icd] == ["B25.9"]


def test_the_code_of_a_wider_heading_is_not_given_to_a_narrower_name(
    terminology: Terminology,
) -> None:
    """MeSH files adhesive capsulitis under bursitis; ICD-10-CM has M75.0 for it."""
    assert [c.code for c in terminology.resolve("Adhesive capsulitis").icd] == ["M75.0"]
    assert [c.code for c in terminology.resolve("heart attack").icd] == ["I21.9"]


def test_an_abbreviation_is_read_only_in_capitals(terminology: Terminology) -> None:
    assert terminology.resolve("DM").recognised
    assert not terminology.resolve("dm").recognised


def test_every_abbreviation_can_be_read(terminology: Terminology) -> None:
    """Each stands for a disease, or for words that do so beside "infection", "disease" ..."""
    raw = tomllib.loads(
        files("cds_hooks.plausibility").joinpath("data/abbreviations.toml").read_text("utf-8")
    )
    tails = ("", " infection", " deficiency", " block", " hemorrhage", " rupture", " poisoning")
    for short, meaning in raw["expansion"].items():
        assert any(terminology.resolve(f"{meaning}{t}").recognised for t in tails), short
        assert any(terminology.resolve(f"{short}{t}").recognised for t in tails), short


def test_most_invented_names_are_not_recognised(
    terminology: Terminology, names: list[str], invented: ModuleType
) -> None:
    for kind, least in {"blend": 0.98, "near": 0.98, "eponym": 0.98, "absurd": 0.9}.items():
        made = invented.invent(kind, names, 300, seed=1)
        missed = [n for n in made if not terminology.resolve(n).recognised]
        assert len(missed) / len(made) >= least, kind


def test_a_code_with_a_seventh_character_is_its_listed_code(terminology: Terminology) -> None:
    found = terminology.concept("S72.001A")
    assert found is not None
    assert found.code == "S72.001"
    assert terminology.ancestors("S72.001A") == ["S72.001", "S72.00", "S72.0", "S72"]
    assert terminology.concept("ZZ9") is None
    assert terminology.ancestors("ZZ9") == []


def test_chapter_and_block_are_known(terminology: Terminology) -> None:
    found = terminology.concept("I26.99")
    assert found is not None
    assert (found.chapter, found.block, found.category) == ("9", "I26-I28", "I26")
    assert terminology.chapter_title("9").startswith("Diseases of the circulatory system")
    assert terminology.chapter_title("99") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Diabetes Mellitus, Type 2", "type II diabetes mellitus"),
        ("pre-eclampsia", "Preeclampsia"),
        ("gastro-oesophageal reflux", "gastroesophageal reflux"),
        ("Malignant neoplasms of pancreas", "pancreatic cancer"),
        ("haemorrhages", "hemorrhage"),
        ("brain tumours", "tumor of the brain"),
        ("β-thalassaemia", "beta thalassemia"),
        ("psychoses", "psychosis"),
        ("Folliculitides", "folliculitis"),
    ],
)
def test_two_spellings_share_a_key(one: str, other: str) -> None:
    assert key(key_words(one)) == key(key_words(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ST elevation", "non-ST elevation"),
        ("Hodgkin lymphoma", "non-Hodgkin lymphoma"),
        ("sepsis with shock", "sepsis without shock"),
        ("hyperthyroidism", "hypothyroidism"),
        ("type 1 diabetes", "type 2 diabetes"),
    ],
)
def test_opposites_never_share_a_key(one: str, other: str) -> None:
    assert key(key_words(one)) != key(key_words(other))


@given(st.text(max_size=400))
def test_any_text_is_answered(terminology: Terminology, text: str) -> None:
    found = terminology.resolve(text)
    assert found.name == text
    assert (found.status is MatchStatus.NOT_FOUND) == (not found.concepts)
    assert not found.recognised or found.matched


@given(
    st.lists(
        st.sampled_from(["acute", "viral", "no", "of", "heart", "(", ")", "ii", "-", "'", "non"])
    )
)
def test_any_mixture_of_medical_words_is_answered(
    terminology: Terminology, words: list[str]
) -> None:
    found = terminology.resolve(" ".join(words))
    assert found.recognised in (True, False)


@given(st.data())
def test_a_known_name_in_any_case_order_or_wrapping_is_found(
    terminology: Terminology, names: list[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(names))
    before = terminology.resolve(name)
    for changed in (name.upper(), f"  {name}. ", f"The {name}"):
        assert terminology.resolve(changed).codes == before.codes


def test_threads_may_share_it(terminology: Terminology, names: list[str]) -> None:
    some = names[::40]
    alone = [terminology.resolve(n) for n in some]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terminology.resolve, some * 4)) == alone * 4
