"""Against llama.cpp's own server, where there is one (`tests/llama_server.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import orjson
import pytest

import prompts
from cds_hooks.inference.answer_parser import parse_differential
from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineUnavailable,
    GenerationRequest,
    Priority,
    PromptTooLong,
)
from cds_hooks.inference.evaluation import EvaluationRequest
from prompts.prompt import Message
from prompts.schema import answer_schema
from tests.llama_server import LlamaServer, named_server, start_llama_server
from tests.model_server import EMBEDDED

pytestmark = [pytest.mark.model, pytest.mark.slow]

Ask = Callable[..., GenerationRequest]
LONG = {"type": "object", "required": ["text"], "additionalProperties": False,
        "properties": {"text": {"enum": ["potassium " * 300]}}}  # fmt: skip
FACTS = ["L1", "S1"]


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaServer]:
    """One for all tests here."""
    program = named_server()
    if program is None or not EMBEDDED.is_file():
        pytest.skip("there is no llama-server (`make llama-server`), or no embedded model")
    started = start_llama_server(program)
    yield started
    started.stop()


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to be so")


def differential(diagnoses: int = 1) -> dict[str, Any]:
    """The shipped schema, bound to a list of one for a model in a hurry."""
    schema = answer_schema(prompts.load("differential").schema, FACTS)
    schema["properties"]["diagnoses"].update(minItems=diagnoses, maxItems=diagnoses)
    return schema


async def test_it_is_known_for_what_it_is(server: LlamaServer, connect: Any) -> None:
    engine = await connect(server.base)
    assert engine.state.status == "ready"
    assert engine.model.engine.startswith("llama-server ")
    counts = await engine.count_tokens(["", "potassium", "potassium potassium"])
    assert counts[0] == 0
    assert 0 < counts[1] < counts[2]


async def test_k_samples_of_the_shipped_schema_are_differentials(
    server: LlamaServer, connect: Any, ask: Ask
) -> None:
    engine = await connect(server.base)
    request = ask(schema=differential(), samples=3, max_tokens=400, temperature=1.0, deadline_s=500)
    generation = await engine.generate(request)
    assert [sample.finish for sample in generation.samples] == ["stop"] * 3
    assert generation.tokens_prompt > 20
    assert sum(sample.tokens for sample in generation.samples) > 60
    for sample in generation.samples:
        assert len(parse_differential(sample.text, set(FACTS)).candidates) == 1


async def test_an_enumeration_is_kept_to(server: LlamaServer, connect: Any, ask: Ask) -> None:
    engine = await connect(server.base)
    request = ask(samples=2, max_tokens=60, priority=Priority.BACKGROUND)
    generation = await engine.generate(request)
    for sample in generation.samples:
        assert jsonschema_rs.is_valid(dict(request.schema), orjson.loads(sample.text))


async def test_the_same_seed_alone_gives_the_same_text(
    server: LlamaServer, connect: Any, ask: Ask
) -> None:
    engine = await connect(server.base)
    request = ask(schema=differential(), max_tokens=60, temperature=1.0, seed=11, deadline_s=500)
    texts = [(await engine.generate(request)).samples[0].text for _ in range(3)]
    # The first may find less of its prompt in the cache than those after it.
    assert texts[1] == texts[2]


async def test_a_prompt_that_does_not_fit_has_its_own_error(
    server: LlamaServer, connect: Any, ask: Ask
) -> None:
    engine = await connect(server.base)
    with pytest.raises(PromptTooLong):
        await engine.generate(ask(messages=(Message("user", "potassium " * 3000),)))
    assert engine.state.status == "ready"


async def test_cancelling_and_a_deadline_end_the_work_over_there(
    server: LlamaServer, connect: Any, ask: Ask
) -> None:
    engine = await connect(server.base)
    task = asyncio.create_task(engine.generate(ask(schema=LONG, max_tokens=1500)))
    await until(lambda: server.working() == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.working() == 0)
    with pytest.raises(DeadlinePassed):
        await engine.generate(ask(schema=LONG, max_tokens=1500, deadline_s=0.5))
    await until(lambda: server.working() == 0)
    assert (await engine.generate(ask(max_tokens=60))).samples[0].finish == "stop"


async def test_one_that_goes_away_is_missed(server: LlamaServer, connect: Any, ask: Ask) -> None:
    program = named_server()
    assert program is not None
    other = start_llama_server(program, context=1024, samples=1)
    engine = await connect(other.base, probe_s=0.2)
    assert (await engine.generate(ask(max_tokens=60))).samples[0].finish == "stop"
    other.stop()
    await until(lambda: engine.state.status == "restarting")
    with pytest.raises(EngineUnavailable):
        await engine.generate(ask())


async def test_it_tells_what_the_model_thinks_of_its_diagnoses(
    server: LlamaServer, connect: Any, ask: Ask
) -> None:
    engine, template = await connect(server.base), prompts.load_self_evaluation()
    asked = template.conversations(ask().messages, ["Hyperkalemia", "Gout"])
    request = EvaluationRequest(asked, template.affirmative, template.negative, deadline_s=200)
    (told,) = await engine.evaluate(request)
    assert len(told.shares) == 2
    assert all(share is not None and 0 < share < 1 for share in told.shares)
