"""The arithmetic of memory against what an engine process really holds at its peak.

The peak is `VmHWM` of `/proc/PID/status`: anonymous memory and the pages of the model's file that
are mapped, at their highest since the process began. Full load: as many requests as may run at one
time, each with the longest prompt and all samples, none of whose answers may end early.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.memory.context_size import KvType
from cds_hooks.inference.memory.plan import MemoryPlan, plan
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_files.gguf import read_header
from prompts.prompt import Message

ROOT = Path(__file__).resolve().parents[2]
NAMES = ROOT / "build/names.txt"
MODELS = (
    "SmolLM2-135M-Instruct.Q8_0.gguf",
    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
)
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "one short request": {"parallel": 1, "samples": 1, "prompt_tokens": 512, "answer_tokens": 96},
    "many sequences": {"parallel": 3, "samples": 4, "prompt_tokens": 512, "answer_tokens": 96},
    "a long prompt, q8_0": {
        "parallel": 1,
        "samples": 2,
        "prompt_tokens": 2048,
        "answer_tokens": 96,
        "kv_type": KvType.Q8_0,
    },
}
_MIB = 1 << 20
_LINE = "L{n} potassium {n}.1 mmol/L, high, {n} days ago\n"
_SYSTEM = "You help a physician to think of the right diagnosis."
_SPARE = 48  # tokens of the chat template, and of lines that are cut
_RESERVE = 64  # a sample that may not end writes so many tokens beyond its budget
_PATIENCE_S = 900.0
_WORDS = {"type": "string", "pattern": '^[A-Za-z][^"\\\\\\\\]{3,40}$'}
_FACTS = [f"L{n}" for n in range(9)]
_DIAGNOSIS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "group", "fact", "discriminator"],
    "properties": {
        "name": {"type": "string", "x-chartside-names": True, "maxLength": 100},
        "group": {"enum": ["likely", "must-not-miss"]},
        "fact": {"enum": _FACTS},
        "discriminator": _WORDS,
    },
}
# More than any budget holds, so that no sample ends early; keys are forced, several at a time.
_ENDLESS = {"type": "array", "minItems": 200, "maxItems": 200, "items": _DIAGNOSIS}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peak:
    """What was reckoned and what was seen, in bytes; `parts` are kinds of pages at the end."""

    plan: MemoryPlan
    seen: int
    parts: Mapping[str, int]

    @property
    def ratio(self) -> float:
        """Reckoned by seen."""
        return self.plan.total / self.seen


def rows() -> Iterator[Row]:
    """For each model that is here, under each of the settings."""
    for name in MODELS:
        model = ROOT / "build/models" / name
        if not model.is_file():
            continue
        for what, changes in SETTINGS.items():
            found = asyncio.run(peak_of(config_of(model, changes)))
            title = f"memory: {model.stem}, {what}"
            against = found.plan.explain()
            yield _row(f"{title}, peak", found.seen / _MIB, "MiB")
            yield _row(f"{title}, reckoned by peak", found.ratio, "x", against)


def config_of(model: Path, changes: Mapping[str, Any]) -> LlamaConfig:
    """A model as the service would load it, but for what a setting changes."""
    entry = known_entry(load_catalogue(), model)
    names = NAMES if NAMES.is_file() else None
    return replace(LlamaConfig(model, entry, names), **changes)


async def peak_of(config: LlamaConfig) -> Peak:
    """Load, fill, look, end. Raises LookupError when the model cannot be loaded."""
    needed = plan(read_header(config.model), config.sizes)
    engine = LlamaEngine(config)
    await engine.start()
    try:
        state = await engine.wait_until_settled()
        if state.status != "ready" or engine.pid is None:
            raise LookupError(f"not loaded: {state.detail}: {engine.trouble}")
        await _fill(engine, config)
        pages = _pages(engine.pid)
        return Peak(needed, pages["VmHWM"], pages)
    finally:
        await engine.stop()


async def _fill(engine: LlamaEngine, config: LlamaConfig) -> None:
    """All that may run at one time; the last is asked again and again with a short answer, so that
    prompts are computed while the others fill the cache."""
    whole = max(config.parallel - 1, 1)
    running = {asyncio.create_task(_ask(engine, config, n, whole=True)) for n in range(whole)}
    number = whole
    while config.parallel > 1 and not all(task.done() for task in running):
        await _ask(engine, config, number, whole=False)
        number += 1
    await asyncio.gather(*running)


async def _ask(engine: LlamaEngine, config: LlamaConfig, number: int, *, whole: bool) -> None:
    """One request with the longest prompt."""
    lines = [_LINE.format(n=n) for n in range(config.prompt // 8)]
    costs = await engine.count_tokens(lines)
    remaining, kept = config.prompt - _SPARE, 0
    while kept < len(lines) and remaining >= costs[kept]:
        remaining -= costs[kept]
        kept += 1
    system = Message("system", f"{number} {_SYSTEM}")
    request = GenerationRequest(
        (system, Message("user", "".join(lines[:kept]))),
        _ENDLESS,
        samples=config.samples,
        max_tokens=max(config.answer_tokens - _RESERVE, 1) if whole else 1,
        names=config.names is not None,
        deadline_s=_PATIENCE_S,
    )
    await engine.generate(request)


def _pages(pid: int) -> dict[str, int]:
    told = Path(f"/proc/{pid}/status").read_text("ascii")
    kinds = ("VmHWM", "VmRSS", "RssAnon", "RssFile")
    return {kind: int(re.findall(rf"{kind}:\s+(\d+) kB", told)[0]) * 1024 for kind in kinds}


def _row(name: str, value: float, unit: str, against: str = "") -> Row:
    figures = dict.fromkeys(("value", "minimum", "maximum"), value)
    return {"name": name, "unit": unit, "n": 1, "against": against, **figures}
