"""The engine on the embedded model: a 1,000-token prompt, 150 output tokens, k samples.

On a quiet machine times are what a clock says, with all threads. On a busy one they are the engine
process's processor time on one thread, and the rows say so: what others do then changes a ratio
little, while two threads that wait for each other would measure the others.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from cds_hooks.inference.engine import Generation, GenerationRequest
from cds_hooks.inference.hardware.machine import this_machine, usable_processors
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from prompts.prompt import Message

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
NAMES = ROOT / "build/names.txt"
PROMPT_TOKENS = 1000
OUTPUT_TOKENS = 150
ROUNDS = 3
NAME_ROUNDS = 5
SYSTEM = "You help a physician to think of the right diagnosis. " * 12
LINE = "L{n} potassium 5.{n} mmol/L, high, {n} days ago\n"
Row = dict[str, Any]

# Text that may not end, so that every sample writes exactly its budget and the reserve behind it,
# and every token of it is sampled: nothing is forced but the first quote.
TEXT = {"type": "string", "minLength": 8 * OUTPUT_TOKENS}
RESERVE = 64

# The template's schema in a fixed size, so that two answers differ in their words alone.
_CITED = {
    "type": "object",
    "additionalProperties": False,
    "required": ["fact", "is"],
    "properties": {
        "fact": {"enum": [f"L{n}" for n in range(20)]},
        "is": {"enum": ["high", "low", "abnormal", "normal", "present", "absent"]},
    },
}
_LISTED = {"type": "array", "minItems": 2, "maxItems": 2, "items": _CITED}
_WORDS = '^[A-Za-z][^"\\\\\\\\]{3,60}$'
_DIAGNOSIS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "group", "for", "against", "discriminator"],
    "properties": {
        "name": {"type": "string", "x-chartside-names": True, "pattern": _WORDS},
        "group": {"enum": ["likely", "must-not-miss"]},
        "for": _LISTED,
        "against": _LISTED,
        "discriminator": {"type": "string", "pattern": _WORDS},
    },
}
DIFFERENTIAL = {"type": "array", "minItems": 3, "maxItems": 3, "items": _DIAGNOSIS}


def rows() -> list[Row]:
    """Ratios are of medians of the same run, on the same prompt."""
    with tempfile.TemporaryDirectory() as cache:
        return asyncio.run(_measure(Path(cache)))


@dataclass(frozen=True, slots=True)
class _Bench:
    """An engine and the clock that its work is measured with, in seconds."""

    engine: LlamaEngine
    quiet: bool

    @property
    def threads(self) -> int:
        return usable_processors() if self.quiet else 1

    def now(self) -> float:
        if self.quiet:
            return time.perf_counter()
        if self.engine.pid is None:
            raise LookupError("the engine process is gone")
        used = psutil.Process(self.engine.pid).cpu_times()
        return used.user + used.system

    def note(self, against: str = "") -> str:
        how = "" if self.quiet else "processor time, one thread: the machine was busy"
        return "; ".join(filter(None, [against, how]))


async def _measure(cache: Path) -> list[Row]:
    entry = known_entry(load_catalogue(), MODEL)
    quiet = not this_machine().busy
    names = NAMES if NAMES.is_file() else None
    config = LlamaConfig(MODEL, entry, names, cache, prompt_tokens=1536, parallel=1)
    cold = [await _ready_s(config)]
    warm = [await _ready_s(config) for _ in range(ROUNDS)]
    engine = LlamaEngine(config if quiet else replace(config, threads=1))
    bench = _Bench(engine, quiet)
    await engine.start()
    try:
        await engine.wait_until_settled()
        return [
            row("ready with nothing cached", "s", cold),
            row("ready", "s", warm),
            *await _samples(bench),
            *await _reuse(bench),
            *await _differential(bench),
            _memory(engine),
            *_toll(),
        ]
    finally:
        await engine.stop()


def row(name: str, unit: str, values: Iterable[float], against: str = "") -> Row:
    """Median, spread and n of `values`."""
    found = list(values)
    return {
        "name": f"engine: {name}",
        "value": statistics.median(found),
        "unit": unit,
        "n": len(found),
        "minimum": min(found),
        "maximum": max(found),
        "against": against,
    }


def _ratio(name: str, over: Sequence[float], under: Sequence[float], against: str) -> Row:
    return row(name, "x", [a / b for a, b in zip(over, under, strict=True)], against)


async def _ready_s(config: LlamaConfig) -> float:
    engine = LlamaEngine(config)
    started = time.perf_counter()
    await engine.start()
    await engine.wait_until_settled()
    spent = time.perf_counter() - started
    await engine.stop()
    return spent


async def _prompt(engine: LlamaEngine, round_: int, extra: str = "") -> tuple[Message, ...]:
    """About a thousand tokens; the first line differs by round, so nothing of it is reused."""
    lines = [f"S1 cough for {round_} days\n", *(LINE.format(n=n) for n in range(200))]
    costs = await engine.count_tokens([SYSTEM, *lines])
    remaining, kept = PROMPT_TOKENS - 20 - costs[0], 0
    while remaining > 0:
        remaining -= costs[kept + 1]
        kept += 1
    return (Message("system", SYSTEM), Message("user", "".join(lines[:kept]) + extra))


async def _timed(
    bench: _Bench, messages: tuple[Message, ...], **changes: Any
) -> tuple[float, Generation]:
    request = GenerationRequest(messages, TEXT, max_tokens=OUTPUT_TOKENS - RESERVE, deadline_s=600)
    started = bench.now()
    generation = await bench.engine.generate(replace(request, **changes))
    return bench.now() - started, generation


async def _samples(bench: _Bench) -> list[Row]:
    """k samples for little more than one, and against three calls of the high-level API.

    Everything of one round follows on each other, so that a ratio compares like with like on a
    machine that is not always equally fast. The system part is there before the first round.
    """
    spent: dict[int, list[float]] = {1: [], 3: [], 5: []}
    calls, written = [], []
    await _timed(bench, (Message("system", SYSTEM), Message("user", "")), max_tokens=1)
    for round_ in range(ROUNDS):
        for k, values in spent.items():
            messages = await _prompt(bench.engine, 10 * round_ + k)
            seconds, generation = await _timed(bench, messages, samples=k, seed=round_)
            values.append(seconds)
            written += [sample.tokens for sample in generation.samples]
        calls.append(await asyncio.to_thread(_three_calls, bench))
    fresh = bench.note("three samples (aim 2)")
    return [
        row("tokens a sample writes", "tokens", written),
        row("one sample", "s", spent[1], bench.note()),
        _ratio("three samples", spent[3], spent[1], bench.note("one sample (aim 1.3)")),
        _ratio("five samples", spent[5], spent[1], bench.note("one sample (aim 1.6)")),
        _ratio("three completions on fresh state", calls, spent[3], fresh),
    ]


def _three_calls(bench: _Bench) -> float:
    """Seconds for three `Llama.create_completion` of the same size, each on fresh state."""
    clock = "perf_counter" if bench.quiet else "process_time"
    code = f"""if True:
        import time, llama_cpp
        llm = llama_cpp.Llama({str(MODEL)!r}, n_ctx=2048, verbose=False,
                              n_threads={bench.threads}, n_threads_batch={bench.threads})
        ids = llm.tokenize(({SYSTEM!r} + "potassium 5.1 mmol/L, high. " * 200).encode())
        started = time.{clock}()
        for seed in range(3):
            llm.reset()
            llm.create_completion(ids[:{PROMPT_TOKENS}], max_tokens={OUTPUT_TOKENS}, seed=seed,
                                  logit_bias={{llm.token_eos(): -100.0}})
        print(time.{clock}() - started)
    """
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return float(out.stdout)


async def _reuse(bench: _Bench) -> list[Row]:
    """Tokens that a second chart of a template, and the same chart again, still evaluate."""
    system_only = (Message("system", SYSTEM), Message("user", ""))
    _, short = await _timed(bench, system_only)
    first = await _prompt(bench.engine, 101)
    _, one = await _timed(bench, first)
    news = "L999 creatinine 3.2 mg/dL, high, today\n"
    _, again = await _timed(bench, await _prompt(bench.engine, 101, news))
    (added,) = await bench.engine.count_tokens([news])
    shared = min(one.tokens_reused, short.tokens_prompt)
    evaluated = again.tokens_prompt - again.tokens_reused - added
    (part,) = await bench.engine.count_tokens([SYSTEM])
    return [
        row("system part evaluated again for a second chart", "tokens", [max(0, part - shared)]),
        row("chart evaluated again beside one new result", "tokens", [evaluated]),
    ]


async def _differential(bench: _Bench) -> list[Row]:
    """Where the time of a real question goes, and what names cost beside free strings.

    Three samples of three diagnoses, the same question with names and without, one after the other.
    """
    stages: dict[str, list[float]] = {}
    spent: dict[bool, list[float]] = {True: [], False: []}
    for round_ in range(NAME_ROUNDS):
        for names in (True, False) if round_ % 2 else (False, True):
            seconds, generation = await _timed(
                bench, await _prompt(bench.engine, 200 + 2 * round_ + names), schema=DIFFERENTIAL,
                samples=3, names=names, max_tokens=400, seed=round_,
            )  # fmt: skip
            spent[names].append(seconds)
            for stage, milliseconds in generation.timings_ms.items() if names else ():
                stages.setdefault(stage, []).append(milliseconds)
    return [
        *(row(f"differential, {stage}", "ms", values) for stage, values in stages.items()),
        _ratio(
            "names by construction", spent[True], spent[False], bench.note("free strings (aim 1.1)")
        ),
    ]


def _toll() -> list[Row]:
    """Decoding under the constraint against decoding freely, the same number of tokens."""
    out = subprocess.run(
        [sys.executable, "-m", "tests.bench.constraint_toll", str(MODEL)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    rounds = [json.loads(line) for line in out.stdout.splitlines()]
    free, bound = ([one[key] for one in rounds] for key in ("free", "constrained"))
    return [
        _ratio(
            "decoding under the constraint",
            bound,
            free,
            "as many tokens decoded freely (aim 0.9); processor time, one thread",
        ),
        row("tokens that the constraint forces", "share", [one["forced"] for one in rounds]),
    ]


def _memory(engine: LlamaEngine) -> Row:
    if engine.pid is None:
        raise LookupError("the engine process is gone")
    held = psutil.Process(engine.pid).memory_info().rss / 2**20
    return row("engine process", "MiB", [held])


if __name__ == "__main__":
    for one in rows():
        sys.stdout.write(f"{one['name']}: {one['value']:.2f} {one['unit']} {one['against']}\n")
