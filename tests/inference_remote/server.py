"""A small OpenAI-compatible model server around llama.cpp, for tests only.

It speaks chat completions with `json_schema`, streamed, as llama-server or as vLLM does where they
differ (`--kind`). It prints `port=NUMBER` once it listens. `/seen` tells what became of requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from llama_cpp import Llama, LlamaGrammar
from starlette.concurrency import run_in_threadpool

DIFFERENT = {
    "llamacpp": {"owner": "llamacpp", "build": "/props", "version": {"build_info": "b9999-test"}},
    "vllm": {"owner": "vllm", "build": "/version", "version": {"version": "0.99.test"}},
}


class Served:
    """The model, used by one request at a time, and what was asked of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.llm = Llama(
            str(options.model),
            n_ctx=options.context,
            n_threads=1,
            n_threads_batch=1,
            n_batch=256,
            verbose=False,
        )
        self.turn = asyncio.Lock()
        self.seen = {"requests": 0, "finished": 0, "cut": 0, "pieces": 0, "prompt_ids": []}

    def choices(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of one choice, made while they are taken."""
        schema = body["response_format"]["json_schema"]["schema"]
        schema = brief(schema) if self.options.brief else schema
        yield from self.llm.create_chat_completion(
            body["messages"],
            stream=True,
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature", 0.8),
            seed=body["seed"],
            grammar=LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False),
        )

    async def stream(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        """Server-sent events; a client that goes away ends it at the next token."""
        asked = min(body.get("n", 1), self.options.most_choices)
        finished, answer, prompt = False, 0, 0
        try:
            async with self.turn:
                for index in range(asked):
                    seeded = {**body, "seed": body["seed"] + index}
                    pieces = 0
                    chunks = self.choices(seeded)
                    while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
                        pieces += bool(chunk["choices"][0]["delta"].get("content"))
                        self.seen["pieces"] += bool(chunk["choices"][0]["delta"].get("content"))
                        chunk["choices"][0]["index"] = index
                        yield self._event({**chunk, "model": self.options.alias})
                    answer += pieces
                    prompt = self.llm.n_tokens - pieces
                    self.seen["prompt_ids"] = self.llm.input_ids[:prompt].tolist()
            usage = {"prompt_tokens": prompt, "completion_tokens": answer}
            usage["prompt_tokens_details"] = {"cached_tokens": 0}
            yield self._event({"model": self.options.alias, "choices": [], "usage": usage})
            yield b"data: [DONE]\n\n"
            finished = True
        finally:
            self.seen["finished" if finished else "cut"] += 1

    @staticmethod
    def _event(chunk: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def brief(schema: Any) -> Any:
    """The same schema for a small model in a hurry: one item a list, a few letters a text."""
    if isinstance(schema, list):
        return [brief(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    bounds = {"array": {"maxItems": 1}, "string": {"maxLength": 12}}
    kind = schema.get("type")
    more = bounds.get(kind, {}) if isinstance(kind, str) and "enum" not in schema else {}
    return {**{key: brief(value) for key, value in schema.items()}, **more}


def error(status: int, message: str, kind: str = "invalid_request_error") -> Response:
    """An error as OpenAI's protocol has it."""
    content = {"error": {"code": status, "message": message, "type": kind}}
    return JSONResponse(content, status_code=status)


def app(options: argparse.Namespace) -> FastAPI:
    """The server with all its routes."""
    served = Served(options)
    api = FastAPI(openapi_url=None, dependencies=[Depends(asks_for_key(options))])
    tells_of_itself(api, served, options)
    counts(api, served, options)
    chats(api, served, options)
    return api


def asks_for_key(options: argparse.Namespace) -> Callable[[Request], None]:
    """Refuses whoever does not know the key, but for how the server is."""

    def check(request: Request) -> None:
        given = request.headers.get("authorization")
        open_to_all = request.url.path in ("/health", "/seen")
        if options.key and not open_to_all and given != f"Bearer {options.key}":
            raise HTTPException(401, "Invalid API Key")

    return check


def tells_of_itself(api: FastAPI, served: Served, options: argparse.Namespace) -> None:
    """Health, models, build, and what became of requests."""
    different = DIFFERENT[options.kind]

    @api.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/seen")
    async def seen() -> dict[str, Any]:
        return served.seen

    @api.get("/v1/models")
    async def models() -> dict[str, Any]:
        card = {"id": options.alias, "object": "model", "owned_by": different["owner"]}
        return {"object": "list", "data": [card]}

    @api.get(different["build"])
    async def build() -> dict[str, str]:
        return different["version"]


def counts(api: FastAPI, served: Served, options: argparse.Namespace) -> None:
    """Tokens of a text, as each kind of server has it."""

    @api.post("/tokenize")
    async def tokenize(body: dict[str, Any]) -> Any:
        if options.kind == "vllm":
            ids = served.llm.tokenize(body["prompt"].encode(), add_bos=False, special=True)
            return {"count": len(ids), "max_model_len": options.context, "tokens": ids}
        text, special = body["content"], body.get("parse_special", True)
        return {"tokens": served.llm.tokenize(text.encode(), add_bos=False, special=special)}


def chats(api: FastAPI, served: Served, options: argparse.Namespace) -> None:
    """Chat completions, and what they refuse."""

    @api.post("/v1/chat/completions")
    async def complete(body: dict[str, Any]) -> Any:
        served.seen["requests"] += 1
        if "x-chartside" in json.dumps(body):
            return error(400, "unknown keyword")
        if body["model"] != options.alias:
            return error(404, "The model does not exist", "not_found_error")
        text = "".join(message["content"] for message in body["messages"])
        if len(served.llm.tokenize(text.encode())) + body["max_tokens"] > options.context:
            return error(400, "the request exceeds it", "exceed_context_size_error")
        return StreamingResponse(served.stream(body), media_type="text/event-stream")


def main() -> None:
    """Parse the options and serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--alias", default="smol")
    parser.add_argument("--kind", choices=sorted(DIFFERENT), default="llamacpp")
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--cert-key", type=Path)
    parser.add_argument("--most-choices", type=int, default=8)
    options = parser.parse_args()
    bound = socket.create_server((options.host, options.port))
    api = app(options)
    config = uvicorn.Config(
        api,
        log_level="critical",
        ssl_certfile=options.cert,
        ssl_keyfile=options.cert_key,
        timeout_graceful_shutdown=1,
    )
    print(f"port={bound.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
