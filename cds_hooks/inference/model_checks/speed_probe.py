"""How fast a model is on this machine, measured through the very engine that serves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from cds_hooks.inference.engine import EngineUnavailable, GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from prompts.prompt import Message

__all__ = ["ProbeSize", "SpeedMeasurement", "measure_speed"]

_SYSTEM = "You help a physician to think of the right diagnosis."
_LINE = "L{n} potassium {n}.1 mmol/L, high, {n} days ago\n"
# Text that may not end: every token of it is sampled, none is forced.
_ENDLESS = {"type": "string", "minLength": 100_000}
_RESERVE = 64
_PATIENCE_S = 1800.0


@dataclass(frozen=True, slots=True)
class ProbeSize:
    """What is measured: tokens of the prompt and of one sample's answer, samples, repetitions."""

    prompt: int = 600
    answer: int = 80
    samples: tuple[int, ...] = (1, 3)
    rounds: int = 2


@dataclass(frozen=True, slots=True)
class SpeedMeasurement:
    """Tokens a second, medians: of a prompt, and of one sample by how many are decoded at once.

    `load_s` is from the start of the engine process to ready.
    """

    model: str
    sha256: str
    threads: int
    load_s: float
    prompt_per_s: float
    step_per_s: dict[int, float]
    rounds: int


async def measure_speed(
    config: LlamaConfig, size: ProbeSize, told: Callable[[str], object]
) -> SpeedMeasurement:
    """Start an engine, ask it, end it. `told` hears what is being measured.

    Raises EngineUnavailable when the model cannot be loaded, EngineError when it cannot answer.
    """
    cut = replace(
        config,
        names=None,
        prompt_tokens=2 * size.prompt,
        answer_tokens=size.answer,
        samples=max(size.samples),
        parallel=1,
        kept_prompts=0,
        entry=config.entry.model_copy(update={"thinking": None}),
    )
    engine = LlamaEngine(cut)
    told("loading")
    started = time.monotonic()
    await engine.start()
    try:
        if (state := await engine.wait_until_settled()).status != "ready":
            raise EngineUnavailable(
                "The model cannot be loaded", where=state.detail, hint=engine.trouble
            )
        load_s = time.monotonic() - started
        return await _rounds(engine, cut, size, load_s, told)
    finally:
        await engine.stop()


async def _rounds(
    engine: LlamaEngine,
    config: LlamaConfig,
    size: ProbeSize,
    load_s: float,
    told: Callable[[str], object],
) -> SpeedMeasurement:
    prompt: list[float] = []
    steps: dict[int, list[float]] = {count: [] for count in size.samples}
    for number in range(size.rounds):
        for count, found in steps.items():
            told(f"round {number + 1} of {size.rounds}, {count} at once")
            messages = await _messages(engine, size.prompt, f"{number} {count}")
            request = GenerationRequest(
                messages,
                _ENDLESS,
                samples=count,
                max_tokens=max(size.answer - _RESERVE, 1),
                deadline_s=_PATIENCE_S,
            )
            done = await engine.generate(request)
            evaluated = done.tokens_prompt - done.tokens_reused
            prompt.append(1000 * evaluated / done.timings_ms["prompt"])
            written = max(sample.tokens for sample in done.samples)
            found.append(1000 * written / done.timings_ms["decode"])
    return SpeedMeasurement(
        model=engine.model.name,
        sha256=engine.model.sha256,
        threads=config.threads,
        load_s=load_s,
        prompt_per_s=median(prompt),
        step_per_s={count: median(found) for count, found in steps.items()},
        rounds=size.rounds,
    )


async def _messages(engine: LlamaEngine, tokens: int, first: str) -> tuple[Message, ...]:
    """A prompt of about so many tokens that shares no beginning with another `first`."""
    lines = [_LINE.format(n=n) for n in range(max(tokens // 8, 1))]
    costs = await engine.count_tokens(lines)
    kept, remaining = 0, tokens
    while kept < len(lines) and remaining > 0:
        remaining -= costs[kept]
        kept += 1
    return (Message("system", f"{first} {_SYSTEM}"), Message("user", "".join(lines[:kept])))
