"""A chat completion as it is asked for: OpenAI's protocol as vLLM and llama-server speak it.

The answer is constrained by `response_format`; no message can hold a control token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cds_hooks.inference.engine import GenerationRequest

__all__ = ["body_of", "defused", "plain_schema"]

_OURS = "x-chartside-"
_SEEDS = 1 << 31

# What a chat template writes around turns: `<|im_start|>`, `<start_of_turn>`, `</s>`, `<think>`,
# `<0x0A>`, DeepSeek's full-width bars, Mistral's `[INST]`. A model server tokenises templated
# text with control tokens on, so no content may hold one.
_ANGLE = re.compile(r"<(?=\s*[|\uff5c/!?A-Za-z_\u2581]|0x)|(?<=[|\uff5c])>")
_SQUARE = re.compile(r"\[(/?[A-Z_]{3,})\]")


def defused(text: str) -> str:
    """`text` in which nothing can be read as a control token of a chat template."""
    broken = _ANGLE.sub(lambda found: "\u2039" if found[0] == "<" else "\u203a", text)
    return _SQUARE.sub(r"(\1)", broken)


def plain_schema(node: Any) -> Any:
    """A JSON Schema without our own keywords: a server may refuse those it does not know."""
    if isinstance(node, Mapping):
        kept = {key: value for key, value in node.items() if not str(key).startswith(_OURS)}
        return {key: plain_schema(value) for key, value in kept.items()}
    if isinstance(node, list | tuple):
        return [plain_schema(item) for item in node]
    return node


def body_of(
    request: GenerationRequest,
    model: str,
    *,
    first: int = 0,
    samples: int = 1,
    thinking_tokens: int = 0,
    extra: Mapping[str, Any] | None = None,
    priority: bool = False,
) -> dict[str, Any]:
    """The request body for `samples` samples of `request`, of which the first is number `first`.

    Sample number i has seed + i: both vLLM and llama-server add the choice's index to the seed.
    `priority` is whether the server knows one. An open chart has 0, which every server takes.
    """
    messages = [{"role": m.role, "content": defused(m.content)} for m in request.messages]
    answer = {"name": "answer", "strict": True, "schema": plain_schema(request.schema)}
    return {
        **(extra or {}),
        "model": model,
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": answer},
        "max_tokens": request.max_tokens + thinking_tokens,
        "seed": (request.seed + first) % _SEEDS,
        "stream": True,
        "stream_options": {"include_usage": True},
        **({} if request.temperature is None else {"temperature": request.temperature}),
        **({"n": samples} if samples > 1 else {}),
        **({"priority": int(request.priority_now)} if priority and request.priority_now else {}),
    }
