"""Whether a model server answers as it should: one small question, no patient in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

import orjson

from cds_hooks.inference.engine import EngineError, GenerationRequest
from cds_hooks.inference.remote.openai_engine import OpenAIEngine
from prompts.prompt import Message

__all__ = ["ServerTrial", "try_server"]

_FINDINGS = ("high", "low", "normal")
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["finding"],
    "properties": {"finding": {"enum": list(_FINDINGS)}},
}
_MESSAGES = (
    Message("system", "Answer in JSON: an object with the member finding: high, low or normal."),
    Message("user", "Potassium is 6.1 mmol/L; 3.5 to 5.1 is usual. What is the finding?"),
)
_REQUEST = GenerationRequest(_MESSAGES, _SCHEMA, samples=2, max_tokens=800, deadline_s=300.0)
_NOT_BOUND = "server-unconstrained-answer"
_CAUSE = "An answer was not what its schema allows."
_CUT = (
    "Every answer ran to its token limit, though the schema allows one short word: the server does "
    "not bind it, or the model needs more tokens to think (model_server.thinking_tokens)."
)


@dataclass(frozen=True, slots=True)
class ServerTrial:
    """`code` and `cause` are of what went wrong, or of a remark on a server that answers."""

    answers: bool
    build: str = ""
    seconds: float = 0.0
    code: str = ""
    cause: str = ""

    @property
    def line(self) -> str:
        """For a person."""
        told = f"answers bound to a schema ({self.build}, {self.seconds:.1f} s)"
        return " ".join(filter(None, [told if self.answers else "", self.cause]))

    def document(self) -> dict[str, object]:
        """For a program."""
        return {
            "answers": self.answers,
            "build": self.build,
            "seconds": round(self.seconds, 2),
            "code": self.code,
            "cause": self.cause,
        }


async def try_server(engine: OpenAIEngine, *, within_s: float = 10.0) -> ServerTrial:
    """Ask a server for two answers in one request, when it is up within so many seconds; the engine
    is stopped when this returns."""
    started = time.monotonic()
    try:
        await engine.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await engine.wait_until_settled()
        state = engine.state
        if state.status != "ready":
            return ServerTrial(False, code=state.detail, cause=engine.trouble)
        generation = await engine.generate(_REQUEST)
    except EngineError as error:
        return ServerTrial(False, code=error.code, cause=error.diagnostics())
    finally:
        await engine.stop()
    seconds = time.monotonic() - started
    whole = [sample.text for sample in generation.samples if sample.finish == "stop"]
    if not whole or not all(map(_bound, whole)):
        return ServerTrial(False, code=_NOT_BOUND, cause=_CAUSE if whole else _CUT)
    code = engine.trouble.partition(":")[0]
    return ServerTrial(True, generation.model.engine, seconds, code, engine.trouble)


def _bound(text: str) -> bool:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return answer in ({"finding": finding} for finding in _FINDINGS)
