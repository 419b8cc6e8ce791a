"""A detail as HTML under the pages' policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.console.ehr_views.markdown import card_html
from tests.console.hostile import HOSTILE

TABLE = "| a | b |\n|:-:|--:|\n| 1 | ~~2~~ |"


def test_tables_and_strikes_are_made_without_style(elements_of: Callable[[str], Any]) -> None:
    found = elements_of(card_html(TABLE)).found
    assert {"table", "td", "s"} <= {tag for tag, _ in found}
    assert all("style" not in attributes for _, attributes in found)


def test_links_open_beside_and_images_are_not_loaded(elements_of: Callable[[str], Any]) -> None:
    page = elements_of(card_html("[x](https://a.example) ![y](https://b.example/p.png)"))
    assert page.all("img") == []
    assert page.all("a")[0] == {
        "href": "https://a.example",
        "rel": "noopener noreferrer nofollow",
        "target": "_blank",
    }


@pytest.mark.parametrize("text", ["[x](javascript:alert(1))", "[x](data:text/html,y)", *HOSTILE])
@pytest.mark.parametrize("as_text", [True, False])
def test_nothing_of_it_runs(elements_of: Callable[[str], Any], text: str, as_text: bool) -> None:
    html = card_html(text, as_text=as_text)
    for tag, attributes in elements_of(html).found:
        assert tag in {"p", "a", "pre", "code", "ul", "li", "ol", "strong", "em", "blockquote"}
        assert not [name for name in attributes if name.startswith(("on", "hx-", "style"))]
        assert not attributes.get("href", "").startswith(("javascript", "data"))
