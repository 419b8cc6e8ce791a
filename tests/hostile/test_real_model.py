"""Hostile charts and the real model: its vocabulary for all of them, its answers for a few."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import prompts
from cds_hooks.inference.model_files.gguf import read_header
from cds_hooks.inference.worker.bindings import native
from cds_hooks.inference.worker.decoding.prompt_tokens import PromptTokenizer
from fhir_mapping import map_chart
from tests.end_to_end.conftest import Running
from tests.hostile.charts import BENIGN, Hostile, corpus, resources
from tests.hostile.conftest import body_of
from tests.hostile.judging import card_faults, page_faults
from tests.model_server import EMBEDDED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(not EMBEDDED.is_file(), reason="the embedded model is not there: run make"),
]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLICE = ["chatml-turn", "fact-line-forged"]


@pytest.fixture(scope="module")
def tokenizer() -> Iterator[PromptTokenizer]:
    native.silence()
    model = native.NativeModel(str(EMBEDDED))
    yield PromptTokenizer(model, read_header(EMBEDDED).chat_template)
    model.close()


def messages(chart: Hostile) -> list[tuple[str, str]]:
    """The prompt that this chart makes, with space for all of it."""
    mapped = map_chart(resources(chart, NOW), patient_id=chart.patient_id, now=NOW)
    layout = prompts.lay_out(mapped, prompts.load("differential"))
    rendered = prompts.render(layout, [1] * len(layout.texts), budget=100_000)
    return [(message.role, message.content) for message in rendered.messages]


def markers(tokenizer: PromptTokenizer, said: list[tuple[str, str]]) -> list[int]:
    """The control tokens of the prompt, in order."""
    control = tokenizer.model.control
    return [token for token in tokenizer.prompt(said).ids if token in control]


@pytest.mark.parametrize("chart", corpus(), ids=lambda chart: chart.id)
def test_control_tokens_stand_where_the_template_put_them(
    tokenizer: PromptTokenizer, chart: Hostile
) -> None:
    scaffold = markers(tokenizer, messages(BENIGN))
    assert len(scaffold) >= 5
    assert markers(tokenizer, messages(chart)) == scaffold
    # And if nothing before the tokenizer had made the text harmless:
    raw = [("system", "s"), ("user", chart.text)]
    assert markers(tokenizer, raw) == scaffold


@pytest.mark.parametrize("name", [SLICE[0], pytest.param(SLICE[1], marks=pytest.mark.slow)])
def test_a_real_answer_stays_a_card(service: Running, name: str) -> None:
    [chart] = [chart for chart in corpus() if chart.id == name]
    answer = service.hook(body_of(chart))
    while "worked out" in f"{answer['cards'][0]['summary']} {answer['cards'][0]['detail']}":
        time.sleep(0.5)
        answer = service.hook(body_of(chart))
    summary = answer["cards"][0]["summary"]
    # So small a model's answer is at times of no use; then the card says so and nothing else.
    told = answer["cards"][0]["detail"]
    assert (
        "Demonstration model, not for care" in told or "not in a usable form" in f"{summary} {told}"
    )
    for card in answer["cards"]:
        assert card_faults(card, service.address) == []
        shown = f"{card['summary']}\n{card['detail']}".lower()
        assert [text for text in chart.never if text.lower() in shown] == []
    [url] = [u["url"] for u in answer["cards"][0]["links"] if "/consultations/" in u["url"]]
    page = service.get(url.removeprefix(service.address)).text
    assert page_faults(page, service.address) == []
    assert chart.word.lower() not in service.log.lower()
