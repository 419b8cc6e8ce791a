"""What vLLM and llama-server offer beside chat completions: token counts and their build."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from cds_hooks.inference.remote.http_exchange import ServerConnection
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error

__all__ = ["DIALECTS", "ServerDialect", "TokenCounter", "build_of"]

_KEPT = 1 << 15
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class ServerDialect:
    """How to ask one kind of server; `owner` is what its `/v1/models` says in `owned_by`.

    `build` is a path and the key of the version in its answer. `question` is the body that asks
    `/tokenize` for the tokens of a text, without the special tokens that begin a prompt.
    `priority` is whether a request may have one, the lowest number first.
    """

    owner: str
    name: str
    build: tuple[str, str]
    question: Callable[[str, str], dict[str, Any]]
    priority: bool = False


def _llama_question(_model: str, text: str) -> dict[str, Any]:
    return {"content": text, "add_special": False, "parse_special": False}


def _vllm_question(model: str, text: str) -> dict[str, Any]:
    return {"model": model, "prompt": text, "add_special_tokens": False}


DIALECTS = {
    dialect.owner: dialect
    for dialect in (
        ServerDialect("llamacpp", "llama-server", ("/props", "build_info"), _llama_question),
        ServerDialect("vllm", "vLLM", ("/version", "version"), _vllm_question, priority=True),
    )
}


class TokenCounter:
    """Token counts of texts, asked of the server and remembered by digest, never by text.

    Charts repeat themselves from one consultation to the next, and so do templates: what was
    counted once costs no request again.
    """

    def __init__(self, exchange: ServerConnection, dialect: ServerDialect, model: str) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._model = model
        self._kept: OrderedDict[bytes, int] = OrderedDict()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def count(self, texts: Sequence[str], *, within_s: float) -> list[int]:
        """Tokens of each text. Raises ServerFault; what was counted until then is remembered."""
        keys = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        ends = asyncio.get_running_loop().time() + within_s
        failed: ServerFault | None = None
        try:
            async with asyncio.TaskGroup() as group:
                asked = {k: group.create_task(self._ask(k, t, ends)) for k, t in missing.items()}
        except* ServerFault as faults:
            failed = next(_leaves(faults))
        if failed is not None:
            raise failed
        found |= {key: task.result() for key, task in asked.items()}
        return [found[key] for key in keys]

    async def _ask(self, key: bytes, text: str, ends: float) -> int:
        async with self._turn:
            left = ends - asyncio.get_running_loop().time()
            body = self._dialect.question(self._model, text)
            answer = await self._exchange.json("/tokenize", body, within_s=left)
        tokens = answer.get("tokens")
        if not isinstance(tokens, list):
            raise fault_error(FaultCode.GARBAGE)
        self._kept[key] = len(tokens)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return len(tokens)


def _leaves(group: BaseExceptionGroup[ServerFault]) -> Iterator[ServerFault]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def build_of(exchange: ServerConnection, dialect: ServerDialect, *, within_s: float) -> str:
    """The kind of server and its build, as far as it tells; a server need not tell."""
    path, key = dialect.build
    try:
        build = (await exchange.json(path, within_s=within_s)).get(key)
    except ServerFault:
        build = None
    told = build if isinstance(build, str) and build.isprintable() and len(build) < 80 else ""
    return f"{dialect.name} {told}".strip()
