"""Closed lists: what separates names, and when two answers are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.evaluation.labels import label_key, split_options, unmangle


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("Nail\u00e2\u20ac\u201cpatella syndrome", "Nail\u2013patella syndrome"),
        ("pure yolk sac tumour", "Pure yolk sac tumour"),
        ("Chondroblastic osteosarcoma.", "Chondroblastic  osteosarcoma"),
        ("Sturge-Weber syndrome type 1", "Sturge\u2013Weber syndrome, type 1"),
        ("Ebstein's anomaly", "Ebstein\u2019s anomaly"),
    ],
)
def test_the_same_answer_has_the_same_key(written: str, listed: str) -> None:
    assert label_key(written) == label_key(listed) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cochlear hypoplasia type I", "Cochlear hypoplasia type II"),
        ("Biventricular endomyocardial fibrosis", "Biventricular endomyocardial fibrosis [4,6]"),
        ("Acute compartment syndrome", "Atraumatic compartment syndrome"),
        ("Non-Hodgkin lymphoma", "Hodgkin lymphoma"),
    ],
)
def test_likeness_is_not_sameness(one: str, other: str) -> None:
    assert label_key(one) != label_key(other)


@pytest.mark.parametrize(
    "text", ["Beh\u00e7et\u2019s disease", "M\u00e9ni\u00e8re disease", "plain"]
)
def test_text_that_was_read_rightly_is_left_alone(text: str) -> None:
    assert unmangle(text) == text


@given(st.text(max_size=80))
def test_a_key_is_stable(text: str) -> None:
    key = label_key(text)
    assert label_key(key) == key
    assert label_key(f"  {text} ") == key


@pytest.mark.parametrize(
    ("text", "known", "names"),
    [
        ("Cystic fibrosis, Asthma", [], ("Cystic fibrosis", "Asthma")),
        (
            "VACTERL, OEIS (omphalocele, cloacal exstrophy, imperforate anus) complex",
            [],
            ("VACTERL", "OEIS (omphalocele, cloacal exstrophy, imperforate anus) complex"),
        ),
        (
            "PHACE syndrome, Sturge\u2013Weber syndrome, type 1",
            [],
            ("PHACE syndrome", "Sturge\u2013Weber syndrome, type 1"),
        ),
        (
            "Glioma, MAP kinase altered, Asthma",
            ["Glioma, MAP kinase altered"],
            ("Glioma, MAP kinase altered", "Asthma"),
        ),
        ("Fibrosis [4,6], Gout", [], ("Fibrosis [4,6]", "Gout")),
        ("", [], ()),
        (" , ,", [], (",",)),
    ],
)
def test_commas_inside_names_do_not_separate(
    text: str, known: list[str], names: tuple[str, ...]
) -> None:
    assert split_options(text, known) == names


@given(
    st.lists(st.text(st.characters(codec="ascii"), max_size=12), max_size=6), st.text(max_size=12)
)
def test_no_letter_of_a_list_is_lost(names: list[str], known: str) -> None:
    def letters(text: str) -> str:
        return "".join(c for c in text if c.isalnum())

    text = ", ".join(names)
    assert letters("".join(split_options(text, [known]))) == letters(text)
