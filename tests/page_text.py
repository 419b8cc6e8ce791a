"""The words of a consultation's page, in its order, without its markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from cds_hooks.cards import build
from cds_hooks.console.consultations.content import consultation_values
from cds_hooks.console.rendering import render
from cds_hooks.consultation import Consultation
from tests.console.conftest import make_site

__all__ = ["page_html", "page_text", "words_of"]


def page_html(done: Consultation, **more: object) -> str:
    """The page of a consultation, as `consultation_values` has it; a minute after 1970 began."""
    cards = build(done, base_url="http://localhost", make_uuid=lambda: "u").cards
    values = consultation_values(done, cards, **{"now": 60.0, **more})  # type: ignore[arg-type]
    frame = {
        "site": make_site(),
        "root": "../",
        "here": "",
        "nonce": "n",
        "link": "l",
        "launched": None,
    }
    return render("consultations/page.html.j2", **frame, **values).replace("&#39;", "'")


def words_of(html: str) -> str:
    """Terms stand before their values with a colon; all else in one line."""
    html = re.sub(r"</dt>\s*<dd[^>]*>", ": ", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def page_text(done: Consultation, discriminates: Callable[[str], bool] | None = None) -> str:
    """What the page says at the time of the consultation."""
    return words_of(page_html(done, discriminates=discriminates, now=done.created))
