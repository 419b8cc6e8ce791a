"""How a run asks: what is not said comes from the settings and the model's catalogue entry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

import prompts
from cds_hooks import evaluation
from cds_hooks.cli.evaluation_run import Asking, Bench
from cds_hooks.evaluation.suites.suite import Task
from cds_hooks.inference.answer_parser import parse_differential
from cds_hooks.inference.engine import EngineState, EngineUnavailable
from cds_hooks.settings import Settings

DEMONSTRATION = Settings()
TEMPLATES = Path(evaluation.__file__).parent / "runs" / "templates"


def with_model(**said: object) -> Settings:
    return Settings.model_validate({"model": said})


HOSPITAL = with_model(path="models/hospital.gguf")


@pytest.mark.parametrize(
    ("settings", "asking", "samples", "names", "brief"),
    [
        (DEMONSTRATION, Asking(), 1, True, True),
        (HOSPITAL, Asking(), 3, False, False),
        (DEMONSTRATION, Asking(samples=5, names=False, brief=False), 5, False, False),
        (HOSPITAL, Asking(names=True, brief=True), 1, True, True),
        (with_model(path="x.gguf", names_by_construction=True), Asking(), 3, True, False),
        (with_model(path="x.gguf", names=""), Asking(names=True), 3, False, False),
    ],
)
def test_what_is_not_said_is_as_the_service_has_it(
    settings: Settings, asking: Asking, samples: int, names: bool, brief: bool
) -> None:
    said = asking.of(settings)
    assert (said.samples, said.names, said.brief) == (samples, names, brief)
    settled = said.applied_to(settings)
    assert settled.services.samples == samples
    assert settled.model.names_by_construction is names
    assert settled.services.deadline_s >= 600


def test_cases_in_flight_are_requests_that_run_at_one_time() -> None:
    settled = Asking(seed=7, concurrency=3).of(DEMONSTRATION).applied_to(DEMONSTRATION)
    assert (settled.model.parallel, settled.model.seed) == (3, 7)


@pytest.mark.parametrize(
    ("settings", "asking", "engines", "threads"),
    [
        (DEMONSTRATION, Asking(), 4, 1),
        (DEMONSTRATION, Asking(engines=2), 2, 2),
        (DEMONSTRATION, Asking(engines=9), 9, 1),
        (DEMONSTRATION, Asking(engines=1), 1, 0),
        (HOSPITAL, Asking(), 1, 0),
        (HOSPITAL, Asking(engines=2), 2, 2),
        (with_model(threads=3), Asking(), 1, 3),
        (with_model(gpu_layers=-1), Asking(), 1, 0),
    ],
)
def test_engines_share_the_processors(
    settings: Settings,
    asking: Asking,
    engines: int,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cds_hooks.cli.evaluation_run.usable_processors", lambda: 4)
    said = asking.of(settings)
    assert said.engines == engines
    assert said.applied_to(settings).model.threads == threads
    assert said.along(names=False).engines == 1


def test_a_brief_answer_is_an_answer() -> None:
    template = prompts.load("differential-brief", root=TEMPLATES)
    item = template.schema["properties"]["diagnoses"]["items"]
    assert set(item["required"]) == {"name", "group", "for", "against"}
    said = {"name": "Gout", "group": "likely", "for": [{"fact": "F1", "is": "high"}], "against": []}
    text = orjson.dumps({"diagnoses": [said]}).decode()
    (candidate,) = parse_differential(text, ["F1"]).candidates
    assert candidate.diagnosis == "Gout"
    asked = {s.kinds for s in template.settings.sections}
    assert asked == {s.kinds for s in prompts.load("differential").settings.sections}


def test_in_brief_the_chart_is_shown_and_facts_are_cited_as_the_service_does() -> None:
    brief, full = (
        prompts.load("differential-brief", root=TEMPLATES),
        prompts.load("differential"),
    )
    one, two = (t.schema["properties"]["diagnoses"]["items"]["properties"] for t in (brief, full))
    assert one["name"] == two["name"]
    assert one["group"] == two["group"]
    assert one["for"]["items"] == two["for"]["items"]
    assert brief.settings.chart_tokens == full.settings.chart_tokens
    assert brief.settings.sections == full.settings.sections
    folders = (
        TEMPLATES / "differential-brief" / "1",
        Path(prompts.__file__).parent / "differential" / full.ref.version,
    )
    charts = [(folder / "chart.j2").read_text("utf-8") for folder in folders]
    assert charts[0] == charts[1]


class _Runtime:
    """A service whose engine dies for good while it answers the case `dies_on`."""

    def __init__(self, dies_on: str) -> None:
        self.dies_on = dies_on
        self.engine = SimpleNamespace(state=EngineState("ready"))

    async def until_ready(self) -> None:
        if self.engine.state.status == "failed":
            raise EngineUnavailable("the model cannot be loaded", where="engine-crashes")


async def test_an_engine_that_is_out_of_service_ends_a_run_and_is_no_result_of_a_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What such an engine would say of the other cases would stand in the results for ever."""
    runtime = _Runtime(dies_on="b")

    def by(self: Bench, task: Task, one: Any) -> Any:
        async def answer(case: Any) -> str:
            if case == one.dies_on:
                one.engine.state = EngineState("failed", detail="engine-crashes")
            return f"result of {case}"

        return answer

    monkeypatch.setattr(Bench, "_answering", by)
    asked = Asking().along(names=False).of(DEMONSTRATION)
    make: Any = Bench
    bench = make([runtime], None, None, DEMONSTRATION, asked, datetime.now(UTC))
    answer = bench.answering(Task.OPEN)
    assert await answer("a") == "result of a"
    for case in ("b", "c"):
        with pytest.raises(EngineUnavailable) as ended:
            await answer(case)
        assert ended.value.where == "engine-crashes"
