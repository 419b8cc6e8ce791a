"""How words of names are folded into keys: each rule with a word it is for and one it is not."""

from __future__ import annotations

import pytest

from cds_hooks.plausibility.terminology.name_keys import key, key_words, stem, words


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("branches", "branch"),
        ("crushes", "crush"),
        ("masses", "mass"),
        ("abscesses", "abscess"),
        ("fetuses", "fetus"),
        ("viruses", "virus"),
        ("diseases", "disease"),
        ("diagnoses", "diagnosis"),
        ("dialyses", "dialysis"),
        ("metastases", "metastasis"),
        ("axes", "axis"),
        ("boxes", "box"),
        ("arthritides", "arthritis"),
        ("allergies", "allergy"),
        ("cities", "city"),
        ("flies", "flies"),  # five letters: left alone
        ("pies", "pies"),
        ("cysts", "cyst"),
        ("tics", "tic"),
        ("gas", "gas"),  # three letters, and no plural
        ("bus", "bus"),
        ("atlas", "atlas"),
        ("diabetes", "diabetes"),
        ("kiss", "kiss"),
        ("thrombus", "thrombus"),
        ("sepsis", "sepsis"),
        ("vertebrae", "vertebra"),
        ("ova", "ovum"),
        ("anaemia", "anemia"),
        ("oedema", "edema"),
        ("foetus", "fetus"),
        ("sulphur", "sulfur"),
        ("tumour", "tumor"),
        ("tumours", "tumor"),
        ("hour", "hour"),
    ],
)
def test_a_word_is_singular_and_american(word: str, folded: str) -> None:
    assert stem(word) == folded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Type I diabetes", ["type", "1", "diabetes"]),
        ("Factor V deficiency", ["factor", "5", "deficiency"]),
        ("Stage IV", ["stage", "4"]),
        ("I type", ["i", "type"]),  # not after a word that is numbered
        ("IV line", ["iv", "line"]),
        ("VII nerve", ["vii", "nerve"]),
        ("II", ["2"]),  # never another word
        ("Chapter III", ["chapter", "3"]),
        ("Non Hodgkin", ["nonhodgkin"]),
        ("Pre eclampsia", ["preeclampsia"]),
        ("Pre", ["pre"]),
        ("Post pre x", ["postpre", "x"]),
    ],
)
def test_numerals_and_prefixes(text: str, folded: list[str]) -> None:
    assert key_words(text) == folded


@pytest.mark.parametrize(("count", "read"), [(39, 39), (40, 40), (41, 40)])
def test_the_most_words_of_a_name(count: int, read: int) -> None:
    assert len(words("x " * count)) == read


def test_a_key_is_sorted_and_has_each_word_once() -> None:
    assert key(["b", "a", "b"]) == "a b"
    assert key([]) == ""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Crohn's disease", ["crohn", "disease"]),
        ("Crohn\u2019s disease", ["crohn", "disease"]),
        ("Ménière", ["meniere"]),
        ("\u03b1-thalassemia", ["alpha", "thalassemia"]),
    ],
)
def test_letters_as_they_are_typed(text: str, read: list[str]) -> None:
    assert words(text) == read
