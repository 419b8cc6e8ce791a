"""What asking the model of its own diagnoses costs beside the samples, and what ranking costs.

Both are measured in turn on the same engine, each round with a chart of its own, so that no prompt
is kept from a round before. A consultation is the samples: gathering and rules are left out, which
makes the share larger than it is.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.evaluation import EvaluationRequest
from cds_hooks.inference.hardware.machine import this_machine
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.verifier import (
    ConsultationEvidence,
    ProposedDiagnosis,
    fixed_rules,
    rank_by_rules,
)
from prompts import load_self_evaluation
from prompts.prompt import Message
from tests.bench.bench_engine import (
    DIFFERENTIAL,
    LINE,
    MODEL,
    NAMES,
    ROUNDS,
    SYSTEM,
    Row,
    _Bench,
    row,
)

ASKED = 5  # `verifier.questions`
SAMPLES = (3, 5)
AIM = "the samples of the same consultation (aim at most 0.2)"


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as cache:
        asked = asyncio.run(_measure(Path(cache)))
    return [*asked, row("ranking 12 diagnoses by fixed rules", "ms", list(_ranking_ms()))]


async def _measure(cache: Path) -> list[Row]:
    entry, quiet = known_entry(load_catalogue(), MODEL), not this_machine().busy
    config = LlamaConfig(
        MODEL, entry, NAMES, cache, prompt_tokens=1536, answer_tokens=400, samples=5, parallel=1
    )
    engine = LlamaEngine(config if quiet else replace(config, threads=1))
    bench, found = _Bench(engine, quiet), []
    await engine.start()
    try:
        await engine.wait_until_settled()
        for samples in SAMPLES:
            spent = [await _round(bench, samples, n) for n in range(ROUNDS)]
            shares = [evaluation / generation for generation, evaluation in spent]
            name = f"asking of {ASKED} diagnoses after {samples} samples"
            found += [
                row(name, "s", [evaluation for _, evaluation in spent], bench.note()),
                row(f"{name}, share", "share", shares, bench.note(AIM)),
            ]
    finally:
        await engine.stop()
    return found


async def _round(bench: _Bench, samples: int, number: int) -> tuple[float, float]:
    """Seconds of the samples, and of the questions behind them."""
    lines = [LINE.format(n=n) for n in range(20)]
    chart = f"Chart {samples} {number}\n" + "".join(lines[number:] + lines[:number])
    messages = (Message("system", SYSTEM), Message("user", chart))
    request = GenerationRequest(
        messages, DIFFERENTIAL, samples=samples, max_tokens=400, deadline_s=600, names=True
    )
    began = bench.now()
    generation = await bench.engine.generate(request)
    between = bench.now()
    template = load_self_evaluation()
    names = list(dict.fromkeys(n.name for s in generation.samples for n in s.names))[:ASKED]
    asked = template.conversations(messages, [*names, *("Gout", "Asthma")][:ASKED])
    await bench.engine.evaluate(
        EvaluationRequest(asked, template.affirmative, template.negative, deadline_s=600)
    )
    return between - began, bench.now() - between


def _ranking_ms() -> Iterator[float]:
    places = tuple(ProposedDiagnosis(places=(n + 1, None, n + 2)) for n in range(12))
    evidence = ConsultationEvidence(("a", "a", "a"), places)
    for _ in range(ROUNDS):
        began = time.process_time()
        rank_by_rules(fixed_rules(), evidence)
        yield 1000 * (time.process_time() - began)
