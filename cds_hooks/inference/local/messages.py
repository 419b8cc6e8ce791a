"""Frames of the engine process to and from Python values: a request, its answer, a refusal."""

from __future__ import annotations

from typing import Any

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import Generation, GenerationRequest, Sample
from cds_hooks.inference.llama_config import LlamaConfig

__all__ = ["generation_of", "refusal_text", "request_frame", "string_mapping"]

Frame = dict[str, Any]


def request_frame(request: GenerationRequest, config: LlamaConfig) -> Frame:
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
        "priority": int(request.priority),
    }


def generation_of(frame: Frame, model: ModelIdentity) -> Generation:
    """The samples that a `done` frame holds."""
    samples = tuple(
        Sample(s["text"], s["tokens"], s["finish"], s["thinking"], s["thinking_cut"])
        for s in frame["samples"]
    )
    return Generation(
        samples,
        model,
        int(frame["tokens_prompt"]),
        int(frame["tokens_reused"]),
        dict(frame["timings_ms"]),
    )


def string_mapping(told: object) -> dict[str, str]:
    """A mapping of a frame with all keys and values as strings; empty for anything else."""
    return {str(k): str(v) for k, v in told.items()} if isinstance(told, dict) else {}


def refusal_text(frame: Frame) -> str:
    """A refusal's message, place and hint as one line."""
    message, where, hint = (str(frame.get(key, "")) for key in ("message", "where", "hint"))
    return " ".join(filter(None, [f"{message} ({where})." if where else f"{message}.", hint]))
