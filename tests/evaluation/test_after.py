"""What is asked after a list is made: it may change the order, and never loses the first answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

import prompts
from cds_hooks.consultation import Consultation, Verdict
from cds_hooks.evaluation.runs.after import judge, second_look
from cds_hooks.evaluation.runs.question import QuestionConfig
from cds_hooks.evaluation.suites.charts import ChartBuilder, quantity
from cds_hooks.inference.engine import EngineUnavailable, Priority
from cds_hooks.inference.fake import FakeEngine, FakeReply
from cds_hooks.plausibility import Terminology
from fhir_mapping import map_chart

Make = Callable[..., Consultation]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def done(consultation: Make) -> Consultation:
    """Gout before sepsis, for a patient whose heart is fast."""
    builder = ChartBuilder("p", NOW)
    builder.patient(40.0, "male")
    rate = {"valueQuantity": quantity(130, "/min", "/min")}
    builder.observation("vital-signs", "Heart rate", rate, loinc="8867-4")
    chart = map_chart(list(builder.resources), patient_id="p", now=NOW)
    made = consultation(("Gout", Verdict.PLAUSIBLE, 1.0), ("Sepsis", Verdict.PLAUSIBLE, 1.0))
    layout = prompts.lay_out(chart, prompts.load("differential"))
    prompt = prompts.render(layout, [1] * len(layout.texts))
    return replace(made, chart=chart, prompt=prompt)


def said(**answer: object) -> FakeReply:
    return FakeReply((orjson.dumps(answer).decode(),))


def names(consultation: Consultation) -> list[str]:
    return [a.name for a in consultation.assessments]


async def test_what_the_chart_bears_out_comes_first(
    done: Consultation, terminology: Terminology
) -> None:
    engine = FakeEngine([said(expected=["fever"]), said(expected=["tachycardia"])])
    again = second_look(engine, terminology, QuestionConfig(), clock=lambda: 1.0)
    found = await again(done)
    assert names(found) == ["Sepsis", "Gout"]
    assert found.timings_ms["after"] == 0.0
    assert found.tokens["after.prompt"] > 0
    assert found.tokens["prompt"] == done.tokens["prompt"]
    assert not any("130" in m.content for r in engine.requests for m in r.messages)
    again_found = await again(done)
    assert names(again_found) == ["Sepsis", "Gout"]
    assert [asked.priority for asked in engine.requests] == [Priority.BACKGROUND] * 2


async def test_the_judges_choice_comes_first(done: Consultation) -> None:
    engine = FakeEngine([said(best="Sepsis")])
    found = await judge(engine, QuestionConfig())(done)
    assert names(found) == ["Sepsis", "Gout"]
    (request,) = engine.requests
    assert request.samples == 1
    assert "130" in request.messages[-1].content


@pytest.mark.parametrize(
    "reply",
    [
        FakeReply(("not JSON",)),
        said(best="Lupus", expected=["no such finding"]),
        FakeReply(fault=EngineUnavailable("down")),
    ],
)
async def test_without_a_usable_answer_the_first_one_stands(
    done: Consultation, terminology: Terminology, reply: FakeReply
) -> None:
    for again in (
        second_look(FakeEngine([reply]), terminology, QuestionConfig()),
        judge(FakeEngine([reply]), QuestionConfig()),
    ):
        found = await again(done)
        assert names(found) == names(done)
        assert found.outcome is done.outcome
        # After its one reply the fake has only faults.
        assert found.samples_failed > done.samples_failed


async def test_a_question_that_the_engine_failed_is_asked_again_with_the_next_case(
    done: Consultation, terminology: Terminology
) -> None:
    down = FakeReply(fault=EngineUnavailable("down"))
    replies = [said(expected=["fever"]), down, said(expected=["tachycardia"])]
    engine = FakeEngine(replies)
    again = second_look(engine, terminology, QuestionConfig())
    first = await again(done)
    assert names(first) == ["Gout", "Sepsis"]
    assert first.samples_failed == done.samples_failed + 1
    second = await again(done)
    assert names(second) == ["Sepsis", "Gout"]
    assert second.samples_failed == done.samples_failed
    assert len(engine.requests) == 3


async def test_nothing_is_asked_about_a_list_that_is_not_there(
    consultation: Make, terminology: Terminology
) -> None:
    engine, empty = FakeEngine(), consultation()
    for again in (
        second_look(engine, terminology, QuestionConfig()),
        judge(engine, QuestionConfig()),
    ):
        assert names(await again(empty)) == []
    assert engine.requests == []
