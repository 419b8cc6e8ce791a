"""Whatever is typed and whoever is the patient: no exception, no second masking, linear time."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping.elements.compatibility_characters import unfolded
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.masking import masker
from fhir_mapping.masking.eponyms import names_a_disease

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT = {
    "name": [
        {"family": "Vandermeulen", "given": ["Mirabelle", "Small"]},
        {"text": "山田 太郎"},
        {"text": "김지수"},
    ],
    "birthDate": "1983-08-25",
    "telecom": [{"value": "555-0199-4471"}],
    "address": [{"line": ["17 Quarrystone Lane"], "city": "Bath", "postalCode": "90412"}],
}

PIECES = st.sampled_from(
    [
        "Dr. ",
        "Mme ",
        "M. ",
        "Vandermeulen",
        "small",
        "Small",
        "山田",
        "太郎",
        "김지수",
        "様",
        "1983",
        "25",
        "08",
        "8",
        "/",
        "-",
        ".",
        "年",
        "月",
        "日",
        "昭和",
        "S58",
        "Aug",
        "août",
        "May",
        " ",
        "\n",
        "+49",
        "030",
        "(",
        ")",
        "555",
        "0199",
        "tel",
        "MRN",
        "NHS no",
        "@",
        "http://x",
        "disease",
        "Morbus ",
        "in Bath",
        "ａ",
        "９",
        "⽥",
        "’s",
        "[patient]",
        "mg",
        "T10:00",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(TEXTS)
def test_any_text_is_masked(text: str) -> None:
    told = TextCleaner(masker(PATIENT, RelativeTimes(NOW))).masked(text)
    for found in re.finditer(r"(?<![^\W\d_])Vandermeulen(?![^\W\d_])", told):
        assert names_a_disease(told, found.start(), found.end())
    assert "山田太郎" not in told


@given(TEXTS)
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    words = TextCleaner(masker(PATIENT, RelativeTimes(NOW)))
    once = words.masked(text)
    assert once.count("[") <= words.masked(once).count("[")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": ANYTHING
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "family": st.text(max_size=8),
                        "given": st.lists(st.text(max_size=8), max_size=2),
                    }
                ),
                max_size=2,
            ),
            "birthDate": ANYTHING,
            "telecom": ANYTHING
            | st.lists(st.fixed_dictionaries({"value": st.text(max_size=12)}), max_size=2),
            "address": ANYTHING
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "city": st.text(max_size=8),
                        "line": st.lists(st.text(max_size=12), max_size=2),
                        "postalCode": st.text(max_size=8),
                    }
                ),
                max_size=2,
            ),
            "contact": ANYTHING,
        },
    ),
    TEXTS,
)
def test_any_patient_has_a_mask(patient: dict[str, Any], text: str) -> None:
    assert isinstance(masker(patient, RelativeTimes(NOW))(text), str)


@given(st.text(alphabet=st.characters(max_codepoint=0x2E7F), max_size=80))
def test_no_character_before_the_compatibility_blocks_changes(text: str) -> None:
    assert unfolded(text) == text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("⼭⽥", "山田"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
        ("ＣＲＰ　１２．３", "CRP　12.3"),
        ("０９０－１２", "090-12"),
        ("10³", "10³"),
        ("½", "½"),
        ("㎎", "㎎"),
        ("µg", "µg"),
        ("，。（）", "，。（）"),
        ("①", "①"),
        ("H₂O", "H₂O"),
        ("ﬁ", "ﬁ"),
    ],
)
def test_compatibility_characters(typed: str, meant: str) -> None:
    assert unfolded(typed) == meant


HOSTILE = [
    "1",
    "1 ",
    "0",
    "0 1",
    "1-",
    "12/",
    "1.",
    "1,",
    "a.b",
    "Dr. ",
    "M. A",
    "A",
    "A ",
    "A. ",
    "Herr ",
    "Prof Dr med ",
    "Dr. de la ",
    "年月",
    "一月",
    "一",
    "May ",
    "May 1 ",
    "1 May",
    "de la ",
    "DE89 ",
    "(",
    "+1 ",
    "+",
    "00 1",
    "tel ",
    "tel 1",
    "MRN ",
    "MRN: 1",
    "Vandermeulen ",
    "Vandermeulen-",
    "small ",
    "17 Quarrystone ",
    "5 5 5-0",
    "山田",
    "山",
    "김",
    "김지수",
    "X1234567",
    "12 345 ",
    "S58.",
    "1983年",
    "25. ",
    "in Bath ",
    "@",
    "a@",
    "www.",
    "am 1.",
    "さん",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length(piece: str) -> None:
    mask = masker(PATIENT, RelativeTimes(NOW))
    small, large = (_seconds(mask, (piece * size)[:size]) for size in (10_000, 100_000))
    assert large < 40 * max(small, 0.004)  # a hundred times where time is quadratic


def _seconds(mask: Callable[[str], str], text: str) -> float:
    """The least of three, without the garbage of other tests being collected meanwhile."""
    taken = []
    gc.disable()
    try:
        for _ in range(3):
            started = time.thread_time()
            mask(text)
            taken.append(time.thread_time() - started)
    finally:
        gc.enable()
    return min(taken)
