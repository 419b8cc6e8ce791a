"""The fragments as they stand on a page: hostile texts make no markup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.console.ehr_views import (
    Curl,
    Finding,
    client_views,
    request_findings,
    response_findings,
)
from tests.comparison.changed import changed
from tests.console.ehr_views.requests import EPIC
from tests.console.ehr_views.responses import cards_full_of, full_of
from tests.console.hostile import HOSTILE

Gallery = Callable[..., str]


def test_every_id_is_there_once_and_every_label_leads_somewhere(
    gallery: Gallery, elements_of: Callable[[str], Any]
) -> None:
    page = elements_of(gallery())
    ids = [a["id"] for _, a in page.found if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in page.found if "aria-labelledby" in a} <= set(ids)
    assert not [a for _, a in page.found if "style" in a]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cards_make_no_markup(
    gallery: Gallery, elements_of: Callable[[str], Any], text: str
) -> None:
    plain, page = (
        elements_of(gallery(**cards_full_of("plain"))),
        elements_of(gallery(**cards_full_of(text))),
    )
    made = {tag for tag, _ in page.found} - {tag for tag, _ in plain.found}
    assert made <= {"strong", "em"}, made
    assert {n for _, a in page.found for n in a} <= {n for _, a in plain.found for n in a} | {
        "rel", "target"
    }  # fmt: skip


@pytest.mark.parametrize(("own", "opens"), [
    ("http://127.0.0.1:8010", True), ("http://127.0.0.1:80", False), ("https://a.example", False),
])  # fmt: skip
def test_only_links_to_the_service_itself_can_be_followed(
    gallery: Gallery, elements_of: Callable[[str], Any], own: str, opens: bool
) -> None:
    link = {"label": "This consultation", "type": "absolute", "url": "http://127.0.0.1:8010/c/1"}
    views = client_views({"cards": [{"summary": "x", "indicator": "info", "links": [link]}]})
    page = elements_of(gallery(views=views, own=own))
    assert (link["url"] in {a.get("href") for tag, a in page.found if tag == "a"}) is opens


def _others(text: str) -> dict[str, Any]:
    """Findings, comparison and command with this text in every place of theirs."""
    request = {**EPIC, text: 1, "prefetch": {text: text, "patient": {"resourceType": text}}}
    finding = Finding(text, "shall", text, text, text, text, text)
    return {
        "ours": (*response_findings(full_of(text)), finding),
        "theirs": (*request_findings(request, {text: text}), finding),
        "compared": changed(text),
        "command": Curl(text, text, text, True),
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_exchanges_make_no_markup(
    gallery: Gallery, elements_of: Callable[[str], Any], text: str
) -> None:
    plain, page = elements_of(gallery(**_others("plain"))), elements_of(gallery(**_others(text)))
    assert {tag for tag, _ in page.found} <= {tag for tag, _ in plain.found}
    assert {n for _, a in page.found for n in a} <= {n for _, a in plain.found for n in a}
    assert not [a for _, a in page.found if a.get("href", "").startswith("javascript")]
