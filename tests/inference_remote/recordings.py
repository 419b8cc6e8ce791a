"""What model servers were reported to send, as shapes of bytes: events, errors, whole answers.

The texts are ours; the fields, their order and their names are those of the reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["RECORDINGS", "Recording", "deltas", "events_of", "unstreamed"]

ROLE = {"role": "assistant", "content": ""}
LOOP = "The answer is ready. I will give it now. "
ENDLESS = 100_000


@dataclass(frozen=True)
class Recording:
    """`pieces` are deltas of a stream and `finish` its end ("" for one that never comes). `early`
    is whether the answer has to be ended by us. An `error` is a status and a body instead."""

    code: str
    report: str
    pieces: Sequence[dict[str, Any]] = ()
    finish: str = "stop"
    error: tuple[str, bytes] | None = None
    early: bool = False
    prompt_tokens: int = 20

    def __str__(self) -> str:
        return f"{self.code} {self.report}"


def deltas(key: str, text: str, size: int = 4) -> list[dict[str, Any]]:
    """A text in pieces of a stream."""
    return [{key: text[n : n + size]} for n in range(0, len(text), size)]


def events_of(recording: Recording) -> Iterable[bytes]:
    """Events of a recording, as vLLM and llama-server send them."""
    for delta in recording.pieces:
        yield _event({"index": 0, "delta": delta, "finish_reason": None})
    if recording.finish:
        yield _event({"index": 0, "delta": {}, "finish_reason": recording.finish})
        usage = {"prompt_tokens": recording.prompt_tokens, "completion_tokens": 7}
        yield b"data: " + orjson.dumps({"model": "smol", "choices": [], "usage": usage}) + b"\n\n"
        yield b"data: [DONE]\n\n"


def unstreamed(recording: Recording) -> bytes:
    """The same as one JSON document."""
    message: dict[str, Any] = {"role": "assistant", "content": None}
    for key in ("content", "reasoning", "reasoning_content"):
        if text := "".join(delta.get(key) or "" for delta in recording.pieces):
            message[key] = text
    choice = {"index": 0, "message": message, "finish_reason": recording.finish or "length"}
    usage = {"prompt_tokens": recording.prompt_tokens, "completion_tokens": 7}
    return orjson.dumps(
        {"object": "chat.completion", "model": "smol", "choices": [choice], "usage": usage}
    )


def _event(choice: dict[str, Any]) -> bytes:
    chunk = {"object": "chat.completion.chunk", "model": "smol", "choices": [choice]}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _error(status: str, message: str, kind: str, code: int) -> tuple[str, bytes]:
    return status, orjson.dumps({"error": {"code": code, "message": message, "type": kind}})


def _cycle(text: str) -> str:
    return text * (ENDLESS // len(text))


PEG = "The model produced output that does not match the expected peg-native format"
GRAMMAR = "Failed to initialize samplers: failed to parse grammar"
CORE = "EngineCore encountered an issue. See stack trace (above) for the root cause."
NOT_KNOWN = (
    "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), "
    "'msg': \"Input should be 'text' or 'json_object'\", 'input': 'json_schema', "
    "'ctx': {'expected': \"'text' or 'json_object'\"}}"
)

RECORDINGS = [
    Recording(
        "server-answer-in-reasoning",
        "vllm 50948",
        [{"role": "assistant", "content": ""}, *deltas("reasoning", '{"finding":"high"}')],
    ),
    Recording(
        "server-answer-in-reasoning",
        "lmstudio 1773",
        [ROLE, *deltas("reasoning_content", '{\n  "finding": "high"\n}')],
    ),
    Recording(
        "server-answer-in-reasoning",
        "lmstudio 1698, at the token limit",
        [ROLE, *deltas("reasoning_content", '{\n  "finding": "hi')],
        finish="length",
    ),
    Recording(
        "server-doubled-brace",
        "vllm 48228",
        [ROLE, *deltas("reasoning", "High."), *deltas("content", '{{"finding":"high"}')],
        early=True,
    ),
    Recording(
        "server-white-space",
        "vllm 42110",
        [ROLE, *deltas("content", '{"finding": "high"' + "\n    \n\n    " * 9000)],
        finish="",
        early=True,
    ),
    Recording(
        "server-white-space",
        "vllm 4093, at once",
        [ROLE, *deltas("content", "{\n" + "\n" * ENDLESS, 1)],
        finish="",
        early=True,
    ),
    Recording(
        "server-repeats",
        "ollama 15502, a phrase in a string",
        [ROLE, *deltas("content", '{"finding":"' + _cycle("and the sea and the sky, "))],
        finish="",
        early=True,
    ),
    Recording(
        "server-repeats",
        "llama.cpp 27217, a cycle of 459 characters",
        [ROLE, *deltas("content", '{"finding":"' + _cycle("".join(f"{n:03}" for n in range(153))))],
        finish="",
        early=True,
    ),
    Recording(
        "server-repeats",
        "items of a list",
        [ROLE, *deltas("content", '{"for":[' + _cycle('{"fact":"L1","is":"high"},\n   '))],
        finish="",
        early=True,
    ),
    Recording(
        "server-thought-unending",
        "llama.cpp 22537",
        [ROLE, *deltas("reasoning_content", " ".join(str(n) for n in range(20_000)))],
        finish="",
        early=True,
    ),
    Recording(
        "server-repeats",
        "lmstudio 2023, a thought in a cycle",
        [ROLE, *deltas("reasoning_content", _cycle(LOOP), 400)],
        finish="",
        early=True,
    ),
    Recording(
        "server-thought-unending",
        "lmstudio 1602, a thought and an end",
        [ROLE, *deltas("reasoning_content", "It may be high.")],
    ),
    Recording(
        "server-thought-in-answer",
        "vllm without a reasoning parser",
        [ROLE, *deltas("content", "<think>\nIt may be high.\n</think>\n\n" + '{"finding":"high"}')],
        early=True,
    ),
    Recording(
        "server-thought-in-answer",
        "llama.cpp 15181, gpt-oss",
        [ROLE, *deltas("content", "<|channel|>analysis<|message|>It may be high.<|end|>")],
        early=True,
    ),
    Recording(
        "server-unconstrained-answer",
        "llama.cpp 24097",
        [ROLE, *deltas("content", "The potassium is high.")],
        early=True,
    ),
    Recording(
        "server-unconstrained-answer",
        "a code fence",
        [ROLE, *deltas("content", '```json\n{"finding":"high"}\n```')],
        early=True,
    ),
    Recording("server-empty-answer", "vllm 48863", [{"role": "assistant", "content": None}]),
    Recording(
        "server-cut-prompt",
        "ollama 17889",
        [ROLE, *deltas("content", '{"finding":"high"}')],
        prompt_tokens=6,
    ),
    Recording(
        "server-refused-schema",
        "llama.cpp 26596",
        error=_error("400 Bad Request", GRAMMAR, "invalid_request_error", 400),
    ),
    Recording(
        "server-without-json-schema",
        "llama-cpp-python 0.3.36, as it answered here",
        error=("500 Internal Server Error", orjson.dumps({"error": {"message": NOT_KNOWN}})),
    ),
    Recording(
        "server-without-json-schema",
        "ik_llama.cpp 778",
        error=_error(
            "500 Internal Server Error",
            'response_format type must be one of "text" or "json_object", but got: json_schema',
            "server_error",
            500,
        ),
    ),
    Recording(
        "server-cannot-read-model",
        "llama.cpp 25321",
        error=_error("500 Internal Server Error", PEG, "server_error", 500),
    ),
    Recording(
        "server-engine-dead",
        "vllm 24495",
        error=_error("500 Internal Server Error", CORE, "Internal Server Error", 500),
    ),
]
