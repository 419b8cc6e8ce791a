"""No markup, element, link or image comes from text that a model or a chart wrote."""

# ruff: noqa: RUF001
from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_hooks.cards.escape import TerminologyCode, capped, escape, plain

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

# What GitHub's own parser, remark-gfm and linkifiers turn into links after parsing (GFM 0.29
# section 6.9, extended autolinks), and any dotted name that fuzzy linkifiers take for a host.
AUTOLINK = re.compile(
    r"https?://|ftp://|//\S|www\.|[\w.+-]+@[\w-]|(?:mailto|xmpp):\S+@|\w\.[^\W\d_]{2,}",
    re.IGNORECASE,
)

MARKS = r"[ ] ( ) ! < > & * _ ` ~ | # = - + . : / \ @ $ { } \" ' ^ 1. a 5"
STRINGS = (
    "<script> </p> <!-- &lt; &#60; ``` --- === http:// https:// www. evil.com a@b.co mailto:a@b.co "
    "//evil.com ![x](http://e.co/a.png) [x](javascript:y) <http://e.co> \u202e \u200b \uff1c \u2028"
)
PIECES = st.sampled_from(
    [
        *MARKS.split(),
        *STRINGS.split(" "),
        " ",
        "\n",
        "\t",
        "\x00",
        "<img src=x onerror=y>",
        "[x]: http://e.co",
    ]
)
HOSTILE = st.lists(PIECES | st.text(max_size=5), max_size=10).map("".join)


def shape(markdown: str) -> list[str]:
    """The parsed structure: the types of all tokens, text runs taken together."""
    return [
        child.type
        for token in GFM.parse(markdown)
        for child in [token, *(token.children or [])]
        if child.type != "text"
    ]


def shown(markdown: str) -> str:
    """What a reader sees of one inline run."""
    inline = next(token for token in GFM.parse(markdown) if token.type == "inline")
    return "".join(child.content for child in inline.children or [])


@given(HOSTILE)
def test_text_makes_no_structure_of_its_own(text: str) -> None:
    frame = "- **{0}** ({0}): a; {0}\n  - For: {0}, {0}\n\n*b {0} c*\n"
    assert shape(frame.format(escape(text) or "x")) == shape(frame.format("x"))


@given(HOSTILE)
def test_nothing_in_it_is_linked_after_parsing(text: str) -> None:
    assert not AUTOLINK.search(shown(f"x {escape(text)}"))
    assert not AUTOLINK.search(plain(text))


@given(HOSTILE)
def test_no_angle_and_no_invisible_character_is_left(text: str) -> None:
    for line in (escape(text), plain(text)):
        assert not set("<>\n") & set(line)
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in line)


@given(HOSTILE)
def test_plain_text_shows_the_same_where_it_is_read_as_markdown(text: str) -> None:
    assert set(shape(f"x {plain(text)} x")) <= {"paragraph_open", "inline", "paragraph_close"}


@pytest.mark.parametrize(
    "text",
    [
        "Creatinine 1.8 mg/dL (0.6-1.2)",
        "D-dimer <0.5 mg/L & rising",
        "Crohn's disease [regional enteritis], 50% of normal",
        "eGFR >60 mL/min/1.73 m²; A1c 7.2%",
        "Sjögren–Larsson, α-thalassaemia #2",
        "C_diff *positive* ~2 L",
    ],
)
def test_clinical_text_reads_as_it_was_written(text: str) -> None:
    assert shown(f"x {escape(text)}") == f"x {text}"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<b>x</b>", "<b>x</b>"),
        ("![x](http://evil.com/a.png)", "![x](http:/ /evil. com/a. png)"),
        ("see www.evil.com", "see www . evil. com"),
        ("mail a@b.co", "mail a at b. co"),
        ("97% @ 2 L", "97% at 2 L"),
    ],
)
def test_markup_and_addresses_are_seen_as_text(text: str, seen: str) -> None:
    assert shown(f"x {escape(text)}") == f"x {seen}"


@given(st.text(max_size=60), st.integers(1, 50))
def test_capped_text_is_within_its_limit(text: str, limit: int) -> None:
    short = capped(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("…")


# A code of each shape of ICD-10-CM: digits, letters behind the dot, two letters, without a dot.
SHAPES = ["N17.9", "G35.D", "I21.A1", "C84.ZA", "T45.AX6", "O9A.211", "M1A.00X0", "I10", "S52.501A"]


@pytest.mark.parametrize("code", SHAPES)
def test_a_code_is_shown_letter_by_letter(code: str) -> None:
    assert shown(f"x {escape(TerminologyCode(code))}") == f"x {code}"
    assert shape(f"x {escape(TerminologyCode(code))}") == shape("x x")


@pytest.mark.parametrize("code", [c for c in SHAPES if c not in ("C84.ZA", "T45.AX6")])
def test_a_code_within_a_sentence_is_not_altered(code: str) -> None:
    assert shown(f"x {escape(f'as {code} says')}") == f"x as {code} says"
    assert plain(f"as {code} says") == f"as {code} says"


def test_every_code_of_icd_10_cm_is_shown_as_it_is(terminology_codes: list[str]) -> None:
    altered = [c for c in terminology_codes if escape(TerminologyCode(c)).replace("\\.", ".") != c]
    assert len(terminology_codes) > 40_000
    assert altered == []


def test_a_code_that_looks_like_a_host_is_held_apart_for_linkifiers() -> None:
    """ ".za" and ".ax" are countries' domains; those who link bare hosts read the Markdown."""
    assert escape(TerminologyCode("C84.ZA")) == "C84\\.ZA"
    assert escape(TerminologyCode("T45.AX6")) == "T45\\.AX6"


def test_what_only_claims_to_be_a_code_is_escaped_like_everything() -> None:
    assert escape(TerminologyCode("evil.com")) == "evil. com"
    assert escape(TerminologyCode("<b>")) == "&lt;b&gt;"
