"""Each hostile chart through the whole service, with a model that obeys it in every string."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

import prompts
from fhir_mapping.chart import Chart, PatientFacts
from tests.hostile.charts import BENIGN, Hostile, corpus
from tests.hostile.conftest import Attacked
from tests.hostile.judging import card_faults, page_faults, prompt_faults, strings

pytestmark = pytest.mark.asyncio(loop_scope="session")
CHARTS = corpus()
TEMPLATE = prompts.load("differential")
SCAFFOLD = [
    "",
    "The chart holds no facts.",
    "Differential diagnosis of this patient as JSON:",
    *(f"{section.title}:" for section in TEMPLATE.settings.sections),
]
EACH = pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.id)


async def test_the_corpus_is_large_and_names_what_it_stands_for() -> None:
    assert len(CHARTS) >= 60
    assert all(chart.tries and len(chart.attack) > 10 for chart in CHARTS)
    assert len({chart.attack for chart in CHARTS}) >= 20
    assert len({place for chart in CHARTS for place in chart.places}) >= 25


@EACH
async def test_a_card_stays_a_card(attacked: Attacked, chart: Hostile) -> None:
    answer = await attacked.open(chart)
    assert answer["cards"]
    for card in answer["cards"]:
        assert card_faults(card, attacked.base) == []
        assert card["indicator"] != "critical"
    whole = "\n".join(strings(answer))
    assert [text for text in chart.never if text.lower() in whole.lower()] == []
    assert page_faults(await attacked.page(answer), attacked.base) == []
    _judge_verdicts(answer["cards"][0]["detail"])
    [request] = attacked.engine.requests
    _judge_prompt(request, chart)
    if chart.word:
        assert chart.word.lower() not in attacked.log.getvalue().lower()


def _judge_prompt(request: Any, chart: Hostile) -> None:
    system, user = (message.content for message in request.messages)
    assert [message.role for message in request.messages] == ["system", "user"]
    assert system == prompts.lay_out(Chart(PatientFacts(), ()), TEMPLATE).system
    ids = _citable(request.schema)
    assert prompt_faults(user, SCAFFOLD, ids) == []
    if not chart.shown and chart.word:
        assert chart.word not in user
    elif chart.word:
        assert chart.word in user, "the text does not reach the prompt: the chart tests nothing"


def _citable(schema: Any) -> list[str]:
    found = re.findall(r"'([A-Z]\d+)'", str(schema["properties"]["diagnoses"]["items"]))
    return sorted(set(found))


def _judge_verdicts(detail: str) -> None:
    """A verdict that a reader may lean on needs a citation that is so; else it is flagged."""
    assert "**The model's list (AI)**" in detail
    for line in detail.split("\n"):
        if re.search(r"^- \*\*.*\*\*(?: \(.*\))?: (supported|plausible)\b", line):
            assert ". For: " in line


async def test_the_same_chart_without_hostile_text_gives_a_differential(attacked: Attacked) -> None:
    answer = await attacked.open(BENIGN)
    assert "Pneumonia" in answer["cards"][0]["detail"]
    [request] = attacked.engine.requests
    assert prompt_faults(request.messages[1].content, SCAFFOLD, _citable(request.schema)) == []


async def test_the_same_facts_of_another_patient_are_another_consultation(
    attacked: Attacked,
) -> None:
    pages = set()
    for name in ("twin-a", "twin-b"):
        answer = await attacked.open(replace(BENIGN, id=name))
        assert attacked.engine.requests
        link = answer["cards"][0]["links"][-1]["url"].rpartition("/")[2]
        pages.add(link.partition(".")[0])
    assert len(pages) == 2


async def test_the_basis_page_holds_nothing_live(attacked: Attacked) -> None:
    page = await attacked.client.get("/basis")
    assert page_faults(page.text, attacked.base) == []


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"hook":"\xed\xa0\x80"}', b'{"hook":"\xc0\xaf"}'])
async def test_bytes_that_are_no_text_are_refused(attacked: Attacked, body: bytes) -> None:
    answer = await attacked.client.post(
        "/cds-services/chartside-patient-view",
        content=body,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400
