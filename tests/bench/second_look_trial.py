"""Does the second look tell a true diagnosis from another case's? A trial, run by hand.

`python -m tests.bench.second_look_trial MODEL CASES`: for each published case the truth and the
truth of another case are looked at; prints the area under the curve with which the share of
expected findings tells them apart, with its interval, and the seconds a question takes.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cds_hooks.evaluation.metrics import auroc
from cds_hooks.evaluation.suites.osce import load_osce
from cds_hooks.inference.catalogue import load_catalogue
from cds_hooks.inference.config import LlamaConfig
from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.llama import LlamaEngine
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.second_look import expectation_question, look_again, read_expectation
from fhir_mapping import map_chart

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "data" / "eval" / "osce_cases.jsonl"
NOW = datetime(2026, 4, 2, tzinfo=UTC)


async def main(model: Path, count: int) -> None:
    entry = load_catalogue().for_file(model)
    assert entry is not None
    engine = LlamaEngine(LlamaConfig(model, entry, prompt_tokens=1024, samples=1, parallel=1))
    await engine.start()
    while engine.state.status != "ready":  # noqa: ASYNC110  it tells a state, not an event
        await asyncio.sleep(0.1)
    cases = random.Random(4).sample(list(load_osce(CASES, now=NOW).cases), count)
    shares, truths, took, told = [], [], [], 0
    with Terminology(ROOT / "build" / "terminology.sqlite") as terminology:
        for case, other in zip(cases, [*cases[1:], cases[0]], strict=True):
            chart = map_chart(case.resources, patient_id=case.patient_id, now=NOW)
            for name, right in ((case.gold.name, True), (other.gold.name, False)):
                asked = expectation_question(name)
                request = GenerationRequest(
                    asked.messages, asked.schema, max_tokens=80, temperature=0.0, deadline_s=120.0
                )
                started = time.perf_counter()
                answer = (await engine.generate(request)).samples[0].text
                took.append(time.perf_counter() - started)
                (look,) = look_again(chart, [read_expectation(name, answer)], terminology)
                told += look.share is not None
                shares.append(look.share or 0.0)
                truths.append(right)
    await engine.stop()
    found = auroc(shares, truths)
    print(f"cases {count}, questions {len(took)}, chart tells something of {told}")
    print(f"AUROC {found.value:.2f} ({found.low:.2f} to {found.high:.2f})")
    took.sort()
    print(f"seconds a question: median {took[len(took) // 2]:.1f}, {took[0]:.1f} to {took[-1]:.1f}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
