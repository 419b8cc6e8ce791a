"""A document in its three formats: whole, and whatever is in it shown as text."""

from __future__ import annotations

import json
from html import unescape

import pytest
from markdown_it import MarkdownIt

from cds_hooks.documents import Document, FilledBy, Row, Section, Source, Table, render

HOSTILE = "# <script>alert(1)</script> [a](javascript:b) | `c` *d* &lt; \u202e\x00 ![i](//x)"
SOURCE = Source("45 CFR 170.315", "(b)(11)", "https://www.ecfr.gov/", "2026-11-29")
DOCUMENT = Document(
    name="example",
    title=f"Title {HOSTILE}",
    made_at="2026-11-29T10:00:00Z",
    version="0.1.0",
    form="Form",
    subject=HOSTILE,
    about=(HOSTILE,),
    sections=(
        Section(
            HOSTILE,
            (HOSTILE,),
            (
                Row(
                    "a.one",
                    "What?",
                    f"First line\n{HOSTILE}",
                    FilledBy.OPERATOR,
                    SOURCE,
                    (HOSTILE,),
                ),
                Row("a.two", "Who?", "  ", FilledBy.MODEL, to_fill="Name it."),
            ),
            (Table(("One", "Two"), ((HOSTILE, "x"),), HOSTILE),),
        ),
    ),
    sources=(SOURCE,),
)


def test_json_tells_who_filled_what_and_what_is_missing() -> None:
    told = json.loads(render(DOCUMENT, "json"))
    [one, two] = told["sections"][0]["rows"]
    assert (one["available"], one["filled_by"], one["source"]["clause"]) == (
        True,
        "operator",
        "(b)(11)",
    )
    assert (two["answer"], two["to_be_filled_by"]) == ("not available", "model")
    assert told["filled"] == {
        "service": 0, "model": 0, "operator": 1, "evaluation": 0, "not available": 1
    }  # fmt: skip


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_nothing_in_a_document_becomes_markup(format_: str) -> None:
    rendered = render(DOCUMENT, format_)
    page = (
        MarkdownIt("gfm-like", {"linkify": False}).render(rendered)
        if format_ == "markdown"
        else rendered
    )
    assert "<script" not in page.lower()
    assert 'href="javascript' not in page
    assert "<img" not in page
    assert "<em>" not in page
    assert page.count("<h1") == 1
    assert "\u202e" not in page
    assert page.count("<td>x</td>") == 1


def test_a_command_in_an_answer_is_code_on_the_page() -> None:
    assert "<code>c</code> *d* &amp;lt;" in render(DOCUMENT, "html")


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_a_row_without_an_answer_names_who_must_fill_it(format_: str) -> None:
    told = unescape(render(DOCUMENT, format_))
    assert "not available; to be filled by the model's publisher. Name it." in told
    assert "https://www.ecfr.gov/" in render(DOCUMENT, format_)


def test_a_table_has_one_cell_for_each_heading() -> None:
    with pytest.raises(ValueError, match="other columns"):
        Table(("a", "b"), (("1",),))
