"""Processor seconds for as many tokens decoded freely and under the constraint, on one thread.

A process of its own, so that its processor time is that of this work alone: what else the machine
does changes it little, and two threads waiting for each other not at all.

Run as `python -m tests.bench.constraint_toll MODEL`; prints one JSON object a round.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.worker.bindings import native
from cds_hooks.inference.worker.decoding.sample_decoder import SampleDecoder
from cds_hooks.inference.worker.decoding.sampling import Sampling, TokenSampler
from cds_hooks.inference.worker.decoding.token_mask import TokenMask
from cds_hooks.inference.worker.file_digests import start_hashing
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.loading import Loaded, load

TOKENS = 150
ROUNDS = 5
HOW = Sampling(0.7)
EVIDENCE = {
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["fact", "is"],
        "properties": {
            "fact": {"enum": [f"L{number}" for number in range(1, 20)]},
            "is": {"enum": ["high", "low", "abnormal", "normal", "present", "absent"]},
        },
    },
}
ITEM = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "group", "for", "against", "discriminator"],
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z ]{8,40}$"},
        "group": {"enum": ["likely", "must-not-miss"]},
        "for": EVIDENCE,
        "against": EVIDENCE,
        "discriminator": {"type": "string", "pattern": "^[A-Za-z ]{8,40}$"},
    },
}
SCHEMA: dict[str, Any] = {"type": "array", "minItems": 9, "maxItems": 9, "items": ITEM}


def main() -> None:
    model = Path(sys.argv[1])
    entry = known_entry(load_catalogue(), model)
    native.silence()
    order = LlamaConfig(model, entry, prompt_tokens=1024, parallel=1, threads=1).order()
    loaded = load(
        LoadOrder.from_frame(order), start_hashing(order), lambda _message: None, time.monotonic
    )
    prompt = loaded.tokenizer.content("L1 potassium 6.1 mmol/L, high. " * 20)
    for round_ in range(ROUNDS):
        random = np.random.default_rng(round_)
        spent = {"free": _free(loaded, prompt, random), **_constrained(loaded, prompt, random)}
        os.write(1, json.dumps(spent).encode() + b"\n")


def _evaluate(context: native.NativeContext, tokens: list[int], pos: int) -> np.ndarray:
    context.batch.clear()
    row = context.batch.add(tokens, seq=0, pos=pos, want_last=True)
    context.decode()
    return context.logits(row)


def _prompt(context: native.NativeContext, prompt: list[int]) -> np.ndarray:
    context.drop(0)
    for start in range(0, len(prompt), context.batch.capacity):
        logits = _evaluate(context, prompt[start : start + context.batch.capacity], start)
    return logits


def _free(loaded: Loaded, prompt: list[int], random: np.random.Generator) -> float:
    context = loaded.scheduler.tools.context
    chooser = TokenSampler(context.model.size)
    everything = TokenMask.without(context.model.size, np.empty(0, np.intp))
    logits = _prompt(context, prompt)
    started = time.process_time()
    for number in range(TOKENS):
        token = chooser.draw(logits, everything, HOW, random)
        logits = _evaluate(context, [token], len(prompt) + number)
    return time.process_time() - started


def _constrained(
    loaded: Loaded, prompt: list[int], random: np.random.Generator
) -> dict[str, float]:
    tools = loaded.scheduler.tools
    compiled = loaded.compiler.compile(SCHEMA, names=False)
    lane = SampleDecoder(tools.vocabulary, compiled, None, HOW, random, 10_000)
    logits, steps = _prompt(tools.context, prompt), 0
    started = time.process_time()
    lane.open()
    lane.pos = len(prompt)
    if not lane.pending:
        lane.advance(logits)
    while len(lane.written) < TOKENS:
        work = lane.work()
        lane.advance(_evaluate(tools.context, work.tokens, work.pos))
        steps += 1
    spent = time.process_time() - started
    return {"constrained": spent * TOKENS / len(lane.written), "forced": 1 - steps / TOKENS}


if __name__ == "__main__":
    main()
