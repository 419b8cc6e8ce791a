"""Hostile strings in every field that a page shows give no markup, script, or request elsewhere.

They come through charts, an obedient model's answers, feedback, the names of model and reader, and
addresses, into the real service; the pages are compared with those of harmless strings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.console.hostile import HOSTILE
from tests.console.looking import watched
from tests.console.pages import PAGES
from tests.console.whole_service import PATIENT_VIEW, WholeService
from tests.hostile.charts import BENIGN, Hostile, resources

PLACES = (
    *("problem-text", "problem-display", "complaint", "encounter-type", "lab-text", "lab-string"),
    *("lab-unit", "lab-note", "lab-interpretation", "lab-range", "medication-text", "dosage"),
    *("allergy-text", "note", "report", "procedure", "immunization", "family", "resource-id"),
    *("patient-name", "narrative", "status", "extension"),
)
_ALWAYS = 3  # so many strings are tried by `make test`
# Cards are Markdown, and what a model names may be bold; the desk marks what is suspect.
_MARKDOWN = {("strong", frozenset()), ("em", frozenset()), ("mark", frozenset({"class"}))}
_LOADS = ("src", "href", "action", "formaction", "content", "hx-get", "hx-sse:connect")


def _chart(number: int, text: str) -> Hostile:
    says = text if number else "Pneumonia"
    return replace(BENIGN, id=f"t{number}", places=PLACES, text=text, says=says, word="x")


@pytest.fixture
def named(whole_service: WholeService) -> Iterator[Callable[[str], None]]:
    """Gives the model another name."""
    engine, model = whole_service.engine, whole_service.engine.model

    def name(text: str) -> None:
        engine._model = replace(model, name=text, licence=text, engine=text)

    yield name
    engine._model = model


def _pages(service: WholeService, number: int, text: str) -> dict[str, str]:
    """Each page with the text in all that it shows."""
    service.subject = _chart(number, text)
    service.sign_in_as(text)
    path = service.consultation(service.somebody())
    kept = service.post(f"{path}/feedback", **{"said-1": "wrong", "why-1": text, "words": text})
    paths = {
        "fed-back": path,
        "unknown": f"/consultations/{quote(text, safe='')}",
        "elsewhere": f"/{quote(text, safe='')}?q={quote(text)}",
    }
    found = {name: service.get(each).text for name, each in paths.items()}
    for page in PAGES:
        found[page.name] = page.response(service).text
        service.engine.released.set()
    service.subject = BENIGN
    return {"kept": kept.text} | found


def _shapes(elements: Any) -> set[tuple[str, frozenset[str]]]:
    return {(tag, frozenset(attributes)) for tag, attributes in elements.found} - _MARKDOWN


def _loaded(elements: Any) -> list[str]:
    return [a[name] for _, a in elements.found for name in _LOADS if name in a]


@pytest.fixture(scope="module")
def harmless(
    whole_service: WholeService, elements_of: Callable[[str], Any]
) -> set[tuple[str, frozenset[str]]]:
    """The elements with their attributes that the pages have, whatever they are told."""
    plain = [*_pages(whole_service, 0, "plain").values()]
    plain += _pages(whole_service, 0, "plain words").values()
    return set().union(*(_shapes(elements_of(each)) for each in plain))


def _marks(number: int) -> list[pytest.MarkDecorator]:
    """A few always, a third of the others in `make test-all`, the rest in `make test-long`."""
    if number <= _ALWAYS:
        return []
    return [pytest.mark.slow, *([] if number % 3 == 0 else [pytest.mark.long])]


def test_there_are_thirty() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize(
    "number",
    [pytest.param(number, marks=_marks(number)) for number in range(1, len(HOSTILE) + 1)],
)
def test_no_page_gets_markup_from_it(
    whole_service: WholeService,
    elements_of: Callable[[str], Any],
    harmless: set[tuple[str, frozenset[str]]],
    named: Callable[[str], None],
    number: int,
) -> None:
    text = HOSTILE[number - 1]
    named(text)
    for name, html in _pages(whole_service, number, text).items():
        elements = elements_of(html)
        assert _shapes(elements) - harmless == set(), name
        leads = [each for each in _loaded(elements) if "evil" in each or "javascript:" in each]
        assert leads == [], name


def test_the_texts_reach_the_pages(whole_service: WholeService) -> None:
    """Otherwise nothing was tested above."""
    path = whole_service.consultation(replace(_chart(77, "zebra<b>quagga"), says="Gnu fever"))
    shown = whole_service.get(path).text
    assert shown.count("zebra&lt;b&gt;quagga") >= 5
    assert "Gnu fever" in shown


def test_a_browser_runs_nothing_of_them(browser: Any, whole_service: WholeService) -> None:
    """All of them at once, on one page."""
    record = resources(replace(BENIGN, id="all"))
    for number, text in enumerate(HOSTILE):
        made = resources(replace(_chart(number, text), id="all"))
        record += [{**each, "id": f"{each.get('id')}-{number}"} for each in made[1:]]
    path = whole_service.consultation(replace(_chart(99, HOSTILE[0]), id="all"), record)
    context = browser.new_context()
    page, looked = watched(context)
    page.goto(whole_service.url + path)
    page.wait_for_timeout(300)
    assert "alert(1)" in page.inner_text("body")
    assert (
        page.locator("script:not([src]), iframe, svg, base, style, form[action*=evil]").count() == 0
    )
    assert page.locator("[onerror], [onload], [onfocus], [onmouseover], [ontoggle]").count() == 0
    assert looked.complaints == []
    assert [url for url in looked.asked if not url.startswith(whole_service.url)] == []
    context.close()


def test_what_a_client_writes_as_feedback_is_text_too(
    whole_service: WholeService, elements_of: Callable[[str], Any]
) -> None:
    answer = whole_service.fire(_chart(0, "feedback"))
    entries = [
        {
            "card": answer["cards"][0]["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": "2026-01-01T00:00:00Z",
            "overrideReason": {
                "reason": {"code": text, "system": text, "display": text},
                "userComment": text,
            },
        }
        for text in HOSTILE
    ]
    body = json.dumps({"feedback": entries})
    sent = whole_service.send(f"/cds-services/{PATIENT_VIEW}/feedback", body)
    assert sent.status_code == 200, sent.text
    html = whole_service.get(whole_service.link_of(answer)).text
    assert not _shapes(elements_of(html)) & {("script", frozenset()), ("b", frozenset())}
