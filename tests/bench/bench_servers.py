"""The engine beside llama.cpp's own server: same prompt, schema, model file, threads and k.

Measured only where there is a server (`tests/llama_server.py`), in turns. On a
busy machine both have one thread and the figures are processor time, and say so.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from cds_hooks.inference.engine import Engine, Generation, GenerationRequest
from cds_hooks.inference.hardware.machine import usable_processors
from cds_hooks.inference.local.llama_engine import LlamaConfig, LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.remote.openai_engine import OpenAIConfig, OpenAIEngine
from prompts.prompt import Message
from tests.llama_server import LlamaServer, named_server, start_llama_server
from tests.model_server import EMBEDDED

ROUNDS = 4
SAMPLES = (1, 3)
PROMPT_TOKENS = 1000
SYSTEM = "You list the diagnoses that explain a chart, as JSON. " * 6
LINE = "L{n} potassium 5.{n} mmol/L, high, {n} days ago\n"
Row = dict[str, Any]


def _object(**properties: Any) -> dict[str, Any]:
    """An object with exactly these members."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _words(length: int) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^[a-z ]{{{length}}}$"}


# A differential of a fixed size: what either writes is then about as long.
_CITED = _object(
    fact={"enum": [f"L{n}" for n in range(10, 30)]}, **{"is": {"enum": ["high", "low", "normal"]}}
)
_LISTED = {"type": "array", "minItems": 2, "maxItems": 2, "items": _CITED}
_DIAGNOSIS = _object(
    name=_words(24),
    group={"enum": ["likely", "must-not-miss"]},
    **{"for": _LISTED, "against": _LISTED},
    discriminator=_words(60),
)
SCHEMA = _object(diagnoses={"type": "array", "minItems": 2, "maxItems": 2, "items": _DIAGNOSIS})


@dataclass(frozen=True)
class _Side:
    """An engine, and how its time is told: seconds that passed, or that its process worked."""

    engine: Engine
    now: Callable[[], float]

    async def timed(self, request: GenerationRequest) -> tuple[float, Generation]:
        """What a request took."""
        started = self.now()
        generation = await self.engine.generate(request)
        spent = self.now() - started
        ends = {sample.finish for sample in generation.samples}
        assert ends == {"stop"}, f"{self.engine.model.engine}: {ends}"
        return spent, generation


def rows() -> list[Row]:
    """Of `make bench`; none where no server is named."""
    program = named_server()
    if program is None or not EMBEDDED.is_file():
        return []
    quiet = os.getloadavg()[0] < 1.0
    threads = usable_processors() if quiet else 1
    server = start_llama_server(program, threads=threads, context=3 * 2048)
    try:
        return asyncio.run(_rows(server, threads, quiet))
    finally:
        server.stop()


async def _rows(server: LlamaServer, threads: int, quiet: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as cache:
        own = LlamaEngine(_config(Path(cache), threads))
        config = OpenAIConfig(server.base, "smol", (server.base,), extra={"cache_prompt": True})
        other = OpenAIEngine(config)
        try:
            for engine in (own, other):
                await engine.start()
                assert (await engine.wait_until_settled()).status == "ready"
            assert own.pid is not None
            ours = _Side(own, _clock(own.pid, quiet))
            theirs = _Side(other, _clock(server.process.pid, quiet))
            return await _compare(ours, theirs, f"{threads} thread(s), {_unit(quiet)}")
        finally:
            await other.stop()
            await own.stop()


async def _compare(ours: _Side, theirs: _Side, how: str) -> list[Row]:
    """Each k in turns, a new chart each time, the same chart for both."""
    found: dict[tuple[str, int], list[float]] = {}
    tokens: dict[tuple[str, int], list[float]] = {}
    await _warm(ours, theirs)
    for round_ in range(ROUNDS):
        for k in SAMPLES:
            request = await _request(ours.engine, 10 * round_ + k)
            sides = [("engine", ours), ("server", theirs)]
            for name, side in sides if round_ % 2 else sides[::-1]:
                spent, generation = await side.timed(replace(request, samples=k, seed=round_))
                found.setdefault((name, k), []).append(spent)
                written = [float(sample.tokens) for sample in generation.samples]
                tokens.setdefault((name, k), []).extend(written)
    return [row for k in SAMPLES for row in _told(found, tokens, k, how)]


def _told(
    found: dict[tuple[str, int], list[float]],
    tokens: dict[tuple[str, int], list[float]],
    k: int,
    how: str,
) -> Iterable[Row]:
    for name in ("engine", "server"):
        yield _row(f"{name}, k = {k}", found[name, k], "s", how)
        yield _row(f"tokens a sample, {name}, k = {k}", tokens[name, k], "tokens")
    pairs = zip(found["engine", k], found["server", k], strict=True)
    yield _row(f"engine / server, k = {k}", [a / b for a, b in pairs], "x", f"llama-server; {how}")


async def _warm(*sides: _Side) -> None:
    request = await _request(sides[0].engine, 999)
    for side in sides:
        await side.timed(request)


async def _request(engine: Engine, number: int) -> GenerationRequest:
    """A chart of about a thousand tokens that shares nothing with another but the system part."""
    lines = [f"S1 cough for {number} days\n", *(LINE.format(n=n) for n in range(10, 200))]
    costs = await engine.count_tokens([SYSTEM, *lines])
    remaining, kept = PROMPT_TOKENS - costs[0], 0
    while remaining > 0:
        remaining -= costs[kept + 1]
        kept += 1
    messages = (Message("system", SYSTEM), Message("user", "".join(lines[:kept])))
    return GenerationRequest(messages, SCHEMA, max_tokens=900, temperature=0.8, deadline_s=600)


def _config(cache: Path, threads: int) -> LlamaConfig:
    entry = known_entry(load_catalogue(), EMBEDDED)
    return LlamaConfig(
        model=EMBEDDED,
        entry=entry,
        cache=cache,
        prompt_tokens=1200,
        answer_tokens=900,
        samples=max(SAMPLES),
        parallel=1,
        threads=threads,
    )


def _clock(pid: int, quiet: bool) -> Callable[[], float]:
    if quiet:
        return time.perf_counter
    process = psutil.Process(pid)

    def worked() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    return worked


def _unit(quiet: bool) -> str:
    return "clock" if quiet else "processor time: the machine is busy"


def _row(name: str, values: list[float], unit: str, against: str = "") -> Row:
    return {
        "name": name,
        "value": statistics.median(values),
        "unit": unit,
        "n": len(values),
        "minimum": min(values),
        "maximum": max(values),
        "against": against,
    }
