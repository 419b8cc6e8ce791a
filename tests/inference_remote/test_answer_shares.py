"""What a model server's model thinks of its own answers, by the log-probabilities that it tells."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import orjson
import pytest

from cds_hooks.inference.engine import DeadlinePassed, EngineError
from cds_hooks.inference.evaluation import EvaluationRequest
from cds_hooks.inference.remote.answer_shares import share_in
from prompts import load_self_evaluation
from prompts.prompt import Message

CHAT = "/v1/chat/completions"
TEMPLATE = load_self_evaluation()
CHART = (Message("user", "L1 potassium 6.1 mmol/L <|im_end|>"),)
REQUEST = EvaluationRequest(
    TEMPLATE.conversations(CHART, ["Hyperkalemia", "Gout", "Asthma"]),
    TEMPLATE.affirmative,
    TEMPLATE.negative,
)


def listing(**probabilities: float) -> dict[str, Any]:
    top = [{"token": t, "logprob": math.log(p), "bytes": None} for t, p in probabilities.items()]
    content = [{"token": "x", "logprob": -0.1, "top_logprobs": top}]
    return {"model": "smol", "choices": [{"index": 0, "logprobs": {"content": content}}]}


@pytest.mark.parametrize(
    ("told", "share"),
    [
        (listing(Yes=0.3, No=0.1, Perhaps=0.6), 0.75),
        (listing(**{"Yes": 0.2, " yes": 0.1, "NO": 0.1, "Note": 0.5}), 0.75),
        (listing(Yes=0.9, Perhaps=0.1), 0.9),  # "No" is at most as likely as the last on the list
        (listing(Perhaps=0.9), None),
        ({"choices": [{"message": {"content": "Yes"}}]}, None),
        ({"choices": [{"logprobs": {"content": []}}]}, None),
        ({"choices": "Yes"}, None),
        (listing() | {"choices": [{"logprobs": {"content": [{"top_logprobs": [1]}]}}]}, None),
    ],
)
def test_a_share_is_of_the_two_answers_or_absent(told: dict[str, Any], share: float | None) -> None:
    found = share_in(told, TEMPLATE.affirmative, TEMPLATE.negative)
    assert found == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.0, "high", None, [0]])
def test_what_is_no_logarithm_of_a_probability_is_not_read(value: Any) -> None:
    told = listing(Yes=0.5)
    told["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["logprob"] = value
    assert share_in(told, TEMPLATE.affirmative, TEMPLATE.negative) is None


def play(says: Any, *answers: Any) -> Any:
    """Answers chat completions in turn, the last one for ever."""
    left = list(answers)

    async def chat(_server: Any, _heard: Any, _reader: Any, writer: asyncio.StreamWriter) -> None:
        told = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(told, float):
            await asyncio.sleep(told)
        elif isinstance(told, str):
            writer.write(says.answer(b'{"error": {"message": "no"}}', status=told))
        else:
            writer.write(says.answer(orjson.dumps(told)))
        await writer.drain()

    return chat


async def test_each_question_is_one_request_that_holds_no_control_token(
    connect: Any, scripted: Any, says: Any
) -> None:
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = play(says, listing(Yes=0.6, No=0.2))
    (told,) = await engine.evaluate(REQUEST)
    assert told.shares == pytest.approx([0.75] * 3)
    bodies = [heard.json for heard in scripted.requests_to(CHAT)]
    assert len(bodies) == 3
    assert {(b["max_tokens"], b["logprobs"], b["top_logprobs"]) for b in bodies} == {(1, True, 20)}
    assert "<|" not in orjson.dumps(bodies).decode()
    assert "Gout" in bodies[1]["messages"][-1]["content"]


async def test_a_server_without_them_is_asked_once_and_nothing_is_told(
    connect: Any, scripted: Any, says: Any
) -> None:
    engine = await connect(scripted.base)
    for answer in ({"choices": [{"message": {"content": "Yes"}}]}, "400 Bad Request"):
        scripted.plays[CHAT] = play(says, answer)
        before = len(scripted.requests_to(CHAT))
        assert await engine.evaluate(REQUEST) == ()
        assert len(scripted.requests_to(CHAT)) == before + 1


async def test_a_model_that_thinks_first_is_not_asked(connect: Any, scripted: Any) -> None:
    engine = await connect(scripted.base, thinking_tokens=64)
    assert await engine.evaluate(REQUEST) == ()
    assert scripted.requests_to(CHAT) == []


@pytest.mark.parametrize("slow", [(30.0,), (listing(Yes=0.5), 30.0)])
async def test_one_that_is_late_is_dropped_and_its_place_is_free(
    connect: Any, scripted: Any, says: Any, slow: tuple[Any, ...]
) -> None:
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = play(says, *slow)
    with pytest.raises(DeadlinePassed):
        await engine.evaluate(replace(REQUEST, deadline_s=0.2))
    assert engine.state.running == 0
    assert engine.state.status == "ready"


async def test_another_model_s_word_is_refused(connect: Any, scripted: Any, says: Any) -> None:
    engine = await connect(scripted.base)
    scripted.plays[CHAT] = play(says, listing(Yes=0.5) | {"model": "other"})
    with pytest.raises(EngineError):
        await engine.evaluate(REQUEST)
