"""Chat completions as bytes: what is read, what is refused, and what is asked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.engine import EngineError, GenerationRequest, SampleProgress
from cds_hooks.inference.remote.chat_stream import ChatStream
from cds_hooks.inference.remote.choice import ExpectedAnswer
from cds_hooks.inference.remote.request_body import body_of, defused, plain_schema
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "index", "delta", "content", "finish_reason", "usage", "model",
                 "message", "reasoning", "reasoning_content",
                 "error", "prompt_tokens", "completion_tokens", "prompt_tokens_details"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


def events(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def piece(index: int, content: str | None = None, finish: str | None = None) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def usage(prompt: Any, answer: Any, cached: Any = None) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": answer}
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return {"choices": [], "usage": {**counts, **details}}


@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: events(value))))
def test_whatever_comes_is_read_or_refused_with_a_code(pieces: list[bytes]) -> None:
    stream = ChatStream("m", 2)
    try:
        for one in pieces:
            stream.feed(one)
        stream.end()
    except ServerFault as raised:
        fault: ServerFault | None = raised
    else:
        fault = None
    assert fault is None or fault.began == stream.began
    for sample in stream.samples():
        assert isinstance(sample.text, str)
        assert sample.finish
        assert sample.tokens >= 0


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_whatever_comes_in_one_piece_is_read_or_refused_with_a_code(body: bytes) -> None:
    stream = ChatStream("m", 2, expected=ExpectedAnswer(is_object=True, thought_tokens=1), asked=9)
    with contextlib.suppress(ServerFault):
        stream.whole(body)
        stream.end()
    assert all(sample.finish for sample in stream.samples())


def test_an_error_nested_too_deeply_is_one_that_was_reported() -> None:
    """More deeply than what was read can be written again to look for known words."""
    body = b'{"error":' + b"[" * 500 + b"]" * 500 + b"}"
    with pytest.raises(ServerFault) as raised:
        ChatStream("m", 1).whole(body)
    assert raised.value.fault is FaultCode.REPORTED_ERROR


def test_pieces_of_several_choices_come_mixed() -> None:
    stream = ChatStream("m", 2)
    stream.feed(
        events(piece(1, "b"), piece(0, "a"), piece(1, "d", "length"), piece(0, "c", "stop"))
    )
    stream.feed(events(usage(9, 4)) + b"data: [DONE]\n\ndata: what comes behind is not read\n\n")
    stream.end()
    assert stream.done
    assert [(s.text, s.tokens, s.finish) for s in stream.samples()] == [
        ("ac", 2, "stop"),
        ("bd", 2, "length"),
    ]


def test_usage_of_each_choice_apart_is_added_up() -> None:
    stream = ChatStream("m", 2)
    stream.feed(
        events(piece(0, "a", "stop"), usage(9, 6, 0), piece(1, "b", "stop"), usage(9, 5, 8))
    )
    counted = stream.usage
    assert (counted.prompt, counted.cached, counted.answer) == (9, 0, 11)
    assert sum(sample.tokens for sample in stream.samples()) == 11


def test_running_counts_are_not_added_up() -> None:
    stream = ChatStream("m", 1)
    for n in range(1, 4):
        stream.feed(events({**piece(0, "a"), "usage": usage(9, n)["usage"]}))
    stream.feed(events({**piece(0, finish="stop"), "usage": usage(9, 3)["usage"]}))
    assert stream.usage.answer == 3


@pytest.mark.parametrize("nonsense", [-1, "7", 1.5, 2**40, None, [3]])
def test_counts_that_are_none_are_not_believed(nonsense: Any) -> None:
    stream = ChatStream("m", 1)
    stream.feed(events(piece(0, "a"), piece(0, "b", "stop"), usage(nonsense, nonsense, nonsense)))
    assert stream.usage.prompt is None
    assert stream.usage.cached is None
    assert [sample.tokens for sample in stream.samples()] == [2]


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_thinking_begins_an_answer_and_is_no_part_of_it(key: str) -> None:
    stream = ChatStream("m", 1, clock=lambda: 7.0)
    stream.feed(events({"choices": [{"index": 0, "delta": {key: "hmm", "content": None}}]}))
    assert stream.began
    assert stream.began_at == 7.0
    stream.feed(events(piece(0, "{}", "stop")))
    assert stream.samples()[0].text == "{}"
    assert stream.samples()[0].tokens == 2


def test_an_answer_longer_than_allowed_is_refused() -> None:
    stream = ChatStream("m", 1, expected=ExpectedAnswer(longest=10))
    stream.feed(events(piece(0, "x" * 10)))
    with pytest.raises(ServerFault) as fault:
        stream.feed(events(piece(0, "x")))
    assert fault.value.code == "server-too-large"


# Control tokens of the model families we know, from the tokenizer configurations they publish.
TOKENS = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>", "<start_of_turn>",
    "<end_of_turn>", "<bos>", "<eos>", "<s>", "</s>", "<|start|>", "<|channel|>", "<|message|>",
    "<|end|>", "<|return|>", "<|call|>", "<|eot_id|>", "<|start_header_id|>", "<0x0A>", "<unk>",
    "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "<<SYS>>", "<\uff5cUser\uff5c>", "<|turn>", "<turn|>",
    "<|tool_call>", "<unused0>", "<image_soft_token>", "<!--", "<?xml",
]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS) | st.sampled_from(list("<|>[]/ a")), max_size=6))
def test_no_control_token_is_left_in_a_message(parts: list[str]) -> None:
    whole = defused("".join(parts))
    assert not [token for token in TOKENS if token in whole]


@pytest.mark.parametrize("text", ["K <5 mmol/L", "a > b", "1 < 2", "[1]", "pO2 <= 60 | L2", "[x]"])
def test_what_cannot_be_one_is_left_as_it_is(text: str) -> None:
    assert defused(text) == text


def test_our_own_keywords_are_not_sent() -> None:
    schema = {
        "properties": {"a": {"x-chartside-names": True, "type": "string"}},
        "anyOf": ({"x-chartside-fact-ids": True},),
        "enum": ["x-chartside-names"],
    }
    plain = {"properties": {"a": {"type": "string"}}, "anyOf": [{}], "enum": ["x-chartside-names"]}
    assert plain_schema(schema) == plain


@given(st.integers(), st.integers(0, 8))
def test_every_seed_fits_every_server(seed: int, first: int) -> None:
    request = GenerationRequest((), {}, seed=seed)
    assert 0 <= body_of(request, "m", first=first)["seed"] < 2**31


def test_extra_fields_never_replace_ours(ask: Callable[..., GenerationRequest]) -> None:
    body = body_of(ask(), "m", extra={"model": "other", "stream": False, "top_k": 3})
    assert (body["model"], body["stream"], body["top_k"]) == ("m", True, 3)


def test_errors_are_engine_errors() -> None:
    with pytest.raises(EngineError):
        ChatStream("m", 1).end()


def test_an_observer_sees_the_samples_a_few_times_a_second_and_each_end_at_once() -> None:
    told: list[SampleProgress] = []
    now = [0.0]
    stream = ChatStream("m", 2, clock=lambda: now[0], observe=told.append, first=3)
    stream.feed(events(piece(0, '{"a"')))
    stream.feed(events(piece(0, ":1}")))
    assert [(each.number, each.text) for each in told] == [(3, '{"a"')]
    now[0] = 0.19
    stream.feed(events(piece(1, "{}")))
    assert len(told) == 1
    now[0] = 0.21
    stream.feed(events(piece(1, " ")))
    assert [(each.number, each.text) for each in told[1:]] == [(3, '{"a":1}'), (4, "{} ")]
    stream.feed(events(piece(0, finish="stop")))
    assert [(each.number, each.finish) for each in told[3:]] == [(3, "stop"), (4, "")]
