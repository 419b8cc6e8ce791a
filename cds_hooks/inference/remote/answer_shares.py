"""Which of two answers a model server's model would give next, by `top_logprobs`.

OpenAI's protocol as vLLM and llama-server speak it: one token is asked for after each conversation,
with the probabilities of the likeliest. The first conversation goes ahead of the others: the server
then has what all begin with in its cache, and one that tells no probabilities is asked once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cds_hooks.inference.engine import DeadlinePassed
from cds_hooks.inference.evaluation import EvaluationRequest
from cds_hooks.inference.remote.http_exchange import ServerConnection
from cds_hooks.inference.remote.openai_config import OpenAIConfig
from cds_hooks.inference.remote.request_body import defused
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error
from prompts.prompt import Message

__all__ = ["answer_shares", "share_in"]

_PATH = "/v1/chat/completions"
_LISTED = 20  # as many as vLLM tells by default (`--max-logprobs`)


async def answer_shares(
    exchange: ServerConnection, config: OpenAIConfig, request: EvaluationRequest
) -> tuple[float | None, ...]:
    """The probability of the affirmative answer, of the two; None where the server does not tell.

    Cancelling it closes the connections. Raises DeadlinePassed, ServerFault.
    """
    ends = asyncio.get_running_loop().time() + request.deadline_s
    first, *others = request.conversations

    async def ask(messages: Sequence[Message]) -> float | None:
        left_s = ends - asyncio.get_running_loop().time()
        body = _body(config, messages)
        try:
            answer = await exchange.json(_PATH, body, within_s=left_s)
        except ServerFault as fault:
            if fault.fault is FaultCode.REQUEST_REFUSED:  # it knows no log-probabilities
                return None
            raise
        if answer.get("model", config.model) != config.model:
            raise fault_error(FaultCode.OTHER_MODEL, where=config.address.authority)
        return share_in(answer, request.affirmative, request.negative)

    try:
        async with asyncio.timeout_at(ends):
            told = await ask(first)
            if told is None:
                return (None,) * len(request.conversations)
            return (told, *await asyncio.gather(*map(ask, others)))
    except TimeoutError:
        raise DeadlinePassed("The deadline passed before the answers were told") from None


def _body(config: OpenAIConfig, messages: Sequence[Message]) -> dict[str, Any]:
    return {
        **config.extra,
        "model": config.model,
        "messages": [{"role": m.role, "content": defused(m.content)} for m in messages],
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": _LISTED,
    }


def share_in(
    answer: Mapping[str, Any], affirmative: Collection[str], negative: Collection[str]
) -> float | None:
    """The share in a chat completion; None where it tells none, or neither answer is listed.

    An answer that is not listed counts as the least likely that is: it can be no likelier.
    """
    listed = list(_listed(answer))
    sums = [_sum(listed, words) for words in (affirmative, negative)]
    if not listed or sums == [0.0, 0.0]:
        return None
    least = math.exp(min(logarithm for _, logarithm in listed))
    yes, no = (found or least for found in sums)
    return yes / (yes + no)


def _sum(listed: Sequence[tuple[str, float]], words: Collection[str]) -> float:
    wanted = {word.strip().casefold() for word in words}
    return math.fsum(math.exp(value) for token, value in listed if token in wanted)


def _listed(answer: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The likeliest tokens as words, with their logarithms, of what may be anything."""
    try:
        tokens = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        for each in tokens:
            token, value = each["token"], float(each["logprob"])
            if value <= 0 and isinstance(token, str):
                yield token.strip().casefold(), max(value, -700.0)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return
