"""A consultation's page in Chromium: printed whole, on narrow screens, and without complaint."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pypdf import PdfReader

from cds_hooks.cards import build
from cds_hooks.cards.card_data import texts
from cds_hooks.consult import OpenedConsultation
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome, Reason
from prompts import Prompt, TemplateRef
from tests.app.conftest import Served as Server
from tests.cards.woman import ASSESSMENTS, CHART, CONTRADICTIONS, EMBOLISM, FACTS, KEYS
from tests.console.conftest import NoPages, Served, make_site

NOW = 1_700_007_200.0
ANSWERED = CheckedConsultation(
    id="5b0e7c1e-1111-4222-8333-444455556666",
    key="k",
    service="chartside-patient-view",
    created=1_700_000_000.0,
    patient_key="p",
    chart=CHART,
    prompt=Prompt((), TemplateRef("differential", "1", "ab" * 32), {}, ("L2", "L3"), (), 1),
    key_states=KEYS,
    assessments=ASSESSMENTS,
    outcome=Outcome.ANSWERED,
    chart_findings=(EMBOLISM,),
    contradictions=CONTRADICTIONS,
    unexplained=(Reason("unexplained-result", "abstain", "", ("V1",)),),
)


class OnePage(NoPages):
    """Of one consultation, under any link."""

    def __init__(self, done: Consultation, newer: Consultation | None = None) -> None:
        self._done, self._newer = done, newer

    async def open(self, link: str) -> Any:
        made = build(self._done, base_url="http://x", make_uuid=lambda: "u", now=NOW).cards
        opened = OpenedConsultation(self._done, made, (), NOW, lambda _: True)
        return replace(opened, newer=self._newer, newer_link="newer")


@pytest.fixture(scope="module")
def opened(browser: Any) -> Iterator[Any]:
    """The page of an outdated consultation."""
    fresh = replace(FACTS[7], text="Potassium 5.0 mmol/L", days_ago=0.0)
    later = replace(ANSWERED, id="n", created=NOW - 60, chart=replace(CHART, facts=(fresh,)))
    server = Server(Served(make_site(), OnePage(ANSWERED, later)).app)
    context = browser.new_context()
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(f"{server.url}/consultations/x")
    page.wait_for_load_state("networkidle")
    yield page
    context.close()
    server.stop()


def test_paper_has_all_content_and_neither_navigation_nor_controls(opened: Any) -> None:
    paper = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(opened.pdf())).pages)
    paper = " ".join(paper.split())
    for told in (
        "Pulmonary embolism", "Wells 7.5", "Acute kidney injury", "Ectopic pregnancy",
        "What is missing", "What changed since", "Potassium 5.0", "Basis",
        ANSWERED.id, "2023-11-14 22:13 UTC",
    ):  # fmt: skip
        assert told in paper, told
    # What is behind a summary on the screen.
    assert texts().verdicts["supported"][:40] in paper
    assert texts().acronyms["SpO2"] in paper
    for gone in ("Overview", "Skip to content", "Demo profile", "no reason given", "Keep"):
        assert gone not in paper, gone


def test_what_paper_and_tab_are_called_names_nobody(opened: Any) -> None:
    assert opened.title() == "Chartside: one consultation"
    opened.emulate_media(media="print")
    try:
        assert opened.locator("header.top").inner_text().strip() == "Chartside"
    finally:
        opened.emulate_media(media="screen")


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_of_a_consultation_scrolls_sideways(opened: Any, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 800})
    opened.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not opened.evaluate(wide)


def test_rules_come_before_the_list_and_the_list_before_its_basis(opened: Any) -> None:
    titles = opened.locator("h2").all_inner_texts()
    assert titles == [
        "From the chart, by rules (no AI)",
        "The model's list (AI)",
        "What is missing",
        "What changed since",
        "Your judgement of each diagnosis",
        "Basis",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened: Any, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened.emulate_media(color_scheme=scheme)
    found = axe.Axe().run(opened)
    assert [each["id"] for each in found.response["violations"]] == []


def test_the_browser_complains_of_nothing(opened: Any) -> None:
    assert opened.complaints == []
