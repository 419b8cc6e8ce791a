"""Frames of the engine process to and from Python values: a request, its answer, a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.claims import R
from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    NameProbability,
    PromptTooLong,
    QueueFull,
    Sample,
    SampleProgress,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest
from cds_hooks.inference.llama_config import LlamaConfig

__all__ = [
    "FrameOf",
    "error_of",
    "evaluation_frame",
    "evaluation_of",
    "generation_of",
    "progress_of",
    "refusal_text",
    "request_frame",
    "string_mapping",
]

Frame = dict[str, Any]
FrameOf = Callable[[R, LlamaConfig, tuple[int, int]], Frame]
"""Makes the frame of a request of one kind."""
_CODES = {kind.code: kind for kind in (DeadlinePassed, EngineUnavailable, PromptTooLong, QueueFull)}


def request_frame(
    request: GenerationRequest, config: LlamaConfig, flow: tuple[int, int] = (0, 0)
) -> Frame:
    """The frame that asks for a request's samples."""
    sampling = config.entry.sampling
    return {
        "op": "generate",
        "messages": [[message.role, message.content] for message in request.messages],
        "schema": request.schema,
        "samples": request.samples,
        "max_tokens": request.max_tokens,
        "temperature": (
            sampling.temperature if request.temperature is None else request.temperature
        ),
        "sampling": {
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            "no_repeat": sampling.no_repeat,
        },
        "seed": request.seed,
        "deadline_s": request.deadline_s,
        "names": request.names and config.names is not None,
        "exclusive": request.exclusive,
        "priority": int(request.priority_now),
        "flow": list(flow),
        "tell": request.observe is not None,
    }


def generation_of(frame: Frame, model: ModelIdentity) -> Generation:
    """The samples that a `done` frame holds."""
    return Generation(
        tuple(map(_sample, frame["samples"])),
        model,
        int(frame["tokens_prompt"]),
        int(frame["tokens_reused"]),
        dict(frame["timings_ms"]),
    )


def _sample(told: Frame) -> Sample:
    names = tuple(NameProbability(*name) for name in told["names"])
    return Sample(
        told["text"], told["tokens"], told["finish"], told["thinking"], told["thinking_cut"], names
    )


def evaluation_frame(
    request: EvaluationRequest, _: LlamaConfig, flow: tuple[int, int] = (0, 0)
) -> Frame:
    """The frame that asks which of two answers comes next."""
    return {
        "op": "evaluate",
        "conversations": [
            [[message.role, message.content] for message in messages]
            for messages in request.conversations
        ],
        "affirmative": list(request.affirmative),
        "negative": list(request.negative),
        "deadline_s": request.deadline_s,
        "priority": int(request.priority_now),
        "flow": list(flow),
    }


def evaluation_of(frame: Frame, model: ModelIdentity) -> Evaluation:
    """The shares that a `done` frame holds."""
    return Evaluation(
        model,
        tuple(float(share) for share in frame["shares"]),
        int(frame["tokens_prompt"]),
        int(frame["tokens_reused"]),
        dict(frame["timings_ms"]),
    )


def error_of(frame: Frame) -> EngineError:
    """What an `error` frame refuses a request with."""
    kind = _CODES.get(str(frame["code"]), EngineError)
    return kind(str(frame["message"]))


def progress_of(frame: Frame, model: ModelIdentity) -> list[SampleProgress]:
    """The samples that a `progress` frame tells of."""
    return [
        SampleProgress(model.name, s["number"], s["text"], s["finish"], s["thinking"])
        for s in frame["samples"]
    ]


def string_mapping(told: object) -> dict[str, str]:
    """A mapping of a frame with all keys and values as strings; empty for anything else."""
    return {str(k): str(v) for k, v in told.items()} if isinstance(told, dict) else {}


def refusal_text(frame: Frame) -> str:
    """A refusal's message, place and hint as one line."""
    message, where, hint = (str(frame.get(key, "")) for key in ("message", "where", "hint"))
    return " ".join(filter(None, [f"{message} ({where})." if where else f"{message}.", hint]))
