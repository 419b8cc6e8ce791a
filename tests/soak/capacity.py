"""`python -m tests.soak.capacity`: the simulation of `chartside plan` beside the real engine.

The model, its scheduler, queue and batches are the engine process's own, in this process, on a
clock of the processor time that they use: what else the machine does makes no difference. Speeds
are measured with one request at a time, before and after each load; then questions come at random
times, below what the engine can do and at twice as many. The simulation gets the speeds, the mean
size of a question of before, and the times at which questions came. One thread, embedded model.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from types import SimpleNamespace
from typing import Any

import numpy as np

from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.messages import request_frame
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.worker.file_digests import start_hashing
from cds_hooks.inference.worker.jobs import Job
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.loading import load
from cds_hooks.inference.worker.service import Service
from cds_hooks.planning.demand import Rules
from cds_hooks.planning.simulation import Arrival, run
from cds_hooks.planning.speeds import Speed
from prompts.prompt import Message
from tests.model_server import EMBEDDED

SAMPLES, LINES = 3, 4
RULES = Rules(parallel=2, queue=16, prepare_s=0.0, open_calls=10**6, deadline_s=600.0)
_TEXT = {"type": "string", "minLength": 60, "maxLength": 60}


class ProcessorTime:
    """Seconds of this thread's processor time, and what was skipped while nothing was to do."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.thread_time() + self.skipped


@dataclass
class Load:
    """What came of a load: when questions came, how long they waited, when answers were there."""

    seconds: float
    came: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    answered: int = 0
    shed: int = 0

    def figures(self) -> dict[str, float]:
        return {
            "asked": len(self.came),
            "answered an hour": round(3600 * self.answered / self.seconds),
            "shed": self.shed,
            "wait p50 s": round(float(np.percentile(self.waits_s, 50)), 2),
            "wait p95 s": round(float(np.percentile(self.waits_s, 95)), 2),
        }


class Engine:
    """The engine process's parts without its pipe."""

    def __init__(self, cache: Path) -> None:
        self.clock = ProcessorTime()
        self.began: dict[int, float] = {}
        self.ended: dict[int, tuple[float, dict[str, Any]]] = {}
        self._config = LlamaConfig(
            model=EMBEDDED,
            entry=known_entry(load_catalogue(), EMBEDDED),
            cache=cache,
            prompt_tokens=256,
            answer_tokens=128,
            samples=SAMPLES,
            threads=1,
            parallel=RULES.parallel,
            queue=RULES.queue,
            kept_prompts=0,
        )
        frame = self._config.order()
        order, digests = LoadOrder.from_frame(frame), start_hashing(frame)
        self._loaded = load(order, digests, self._take, self.clock)
        self.scheduler = self._loaded.scheduler
        nothing: Any = SimpleNamespace(send=self._take)
        self._service = Service(nothing, nothing, self.clock)

    def job(self, number: int, samples: int = SAMPLES) -> Job:
        """A question that shares no beginning with another."""
        lines = "".join(f"L{n} potassium {n}.{number % 10} mmol/L, high\n" for n in range(LINES))
        messages = (Message("system", f"{number} name a cause"), Message("user", lines))
        request = GenerationRequest(
            messages, _TEXT, samples=samples, max_tokens=60, deadline_s=RULES.deadline_s
        )
        return self._service._job(
            {**request_frame(request, self._config), "id": number}, self._loaded
        )

    def alone(self, number: int, samples: int) -> dict[str, Any]:
        """A request by itself: seconds of its prompt and its answer, its tokens and steps."""
        job = self.job(number, samples)
        self.scheduler.submit(job)
        started, prompt_s = self.clock(), 0.0
        while not self.scheduler.idle:
            self.scheduler.step()
            if not prompt_s and "prompt" in job.marks:
                prompt_s = self.clock() - started
        steps = max(sample["tokens"] for sample in self.ended[number][1]["samples"])
        decode_s = self.ended[number][0] - started - prompt_s
        tokens = len(job.prompt.ids) - job.reused
        return {"prompt": tokens / prompt_s, "step": decode_s / steps, "sizes": (tokens, steps)}

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["op"] == "began":
            self.began[frame["id"]] = self.clock()
        elif frame["op"] == "done":
            self.ended[frame["id"]] = self.clock(), frame


def speeds_of(engine: Engine, first: int, rounds: int) -> tuple[Speed, tuple[float, float]]:
    """Speeds of one request at a time, and the mean size of a question."""
    single = [engine.alone(first + n, SAMPLES) for n in range(rounds)]
    double = [engine.alone(first + 50 + n, 2 * SAMPLES) for n in range(rounds)]
    steps = {
        SAMPLES: 1000 * mean(each["step"] for each in single),
        2 * SAMPLES: 1000 * mean(each["step"] for each in double),
    }
    speed = Speed(
        model="embedded", hardware="this machine", gpus=0,
        prompt_per_s=1 / mean(1 / each["prompt"] for each in (*single, *double)),
        step_ms=steps, batch=256, source="measured", looked_up=datetime.now(UTC).date(),
    )  # fmt: skip
    prompt, answer = zip(*(each["sizes"] for each in single), strict=True)
    return speed, (mean(prompt), mean(answer))


def measured(engine: Engine, times: Sequence[float], first: int) -> Load:
    """Questions at these times, as the scheduler answers them."""
    began, scheduler, found = engine.clock(), engine.scheduler, Load(0.0, list(times))
    coming, asked = list(enumerate(times, first)), {}
    while coming or not scheduler.idle:
        if scheduler.idle:
            engine.clock.skipped += max(coming[0][1] - (engine.clock() - began), 0.0)
        while coming and coming[0][1] <= engine.clock() - began:
            number, at = coming.pop(0)
            if len(scheduler.waiting) + len(scheduler.running) >= RULES.parallel + RULES.queue:
                found.shed += 1
                continue
            asked[number] = began + at
            scheduler.submit(engine.job(number))
        scheduler.step()
    found.waits_s = [engine.began[number] - at for number, at in asked.items()]
    found.answered = len(asked)
    found.seconds = max(engine.ended[number][0] for number in asked) - began
    return found


def simulated(speed: Speed, size: tuple[float, float], came: Sequence[float]) -> Load:
    done = run([Arrival(at, size) for at in came], SAMPLES, speed, 1, RULES)
    ends = [q.ended for q in done.questions if q.outcome == "answered"]
    shed = sum(q.outcome == "overloaded" for q in done.questions)
    return Load(max(ends), list(came), done.waits_s, len(ends), shed)


def _together(one: Speed, other: Speed) -> Speed:
    """The mean of what was measured before and after."""
    steps = {n: (one.step_ms[n] + other.step_ms[n]) / 2 for n in one.step_ms}
    prompt = 2 / (1 / one.prompt_per_s + 1 / other.prompt_per_s)
    return one.model_copy(update={"step_ms": steps, "prompt_per_s": prompt})


def compare(engine: Engine, load: float, questions: int, seed: int, rounds: int) -> dict[str, Any]:
    """One load, measured and simulated."""
    base = 10_000 * seed + (1000 if load > 1 else 0)
    before, size = speeds_of(engine, base + 100, rounds)
    pair_s = size[1] * before.step_s(2 * SAMPLES) + RULES.parallel * size[0] / before.prompt_per_s
    gaps = np.random.default_rng(seed).exponential(pair_s / RULES.parallel / load, questions)
    real = measured(engine, np.cumsum(gaps).tolist(), base + 300)
    after, _ = speeds_of(engine, base + 700, rounds)
    speed = _together(before, after)
    return {
        "load": load,
        "seed": seed,
        "prompt tokens a second": round(speed.prompt_per_s),
        "step ms": {n: round(ms, 1) for n, ms in speed.step_ms.items()},
        "question": [round(each, 1) for each in size],
        "measured": real.figures(),
        "simulated": simulated(speed, size, real.came).figures(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=60, help="in each load")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rounds", type=int, default=4, help="requests alone, of each size")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        for seed in options.seeds:
            for load in (0.75, 2.0):
                told = compare(engine, load, options.questions, seed, options.rounds)
                print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
