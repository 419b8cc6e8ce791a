"""A step of decoding: how long it takes, how much of it outside `llama_decode`, and a plain one.

A process of its own, as `constraint_toll.py` is. Run as `python -m tests.bench.engine_steps MODEL
CLOCK`: `wall` measures with all processors, `processor` one thread's own time, which what else the
machine does changes little. Prints one JSON object a round, in milliseconds.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

from cds_hooks.inference.hardware.machine import usable_processors
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.memory.context_size import ContextSize
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.worker.bindings import native
from cds_hooks.inference.worker.decoding.sampling import Sampling
from cds_hooks.inference.worker.jobs import Job
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.loading import Loaded, load

ROUNDS = 3
STEPS = 60
SAMPLES = (1, 3)
HOW = Sampling(1.0, top_p=0.95, top_k=64)  # as the large models of the catalogue
TEXT = {"type": "string", "minLength": 8 * STEPS}
LINE = "L{n} potassium 5.{n} mmol/L, high, {n} days ago\n"
Clock = Callable[[], float]


def main() -> None:
    model, clock = Path(sys.argv[1]), time.thread_time
    threads = 1
    if sys.argv[2] == "wall":
        clock, threads = time.perf_counter, usable_processors()
    native.silence()
    loaded = _loaded(model, threads)
    text = "".join(LINE.format(n=n) for n in range(48))
    plain = _Plain(loaded, loaded.tokenizer.content(text), threads, clock)
    for round_ in range(ROUNDS):
        found = {"plain": plain.step()}
        for samples in SAMPLES:
            whole, outside = _steps(loaded, _job(loaded, text, samples, round_), clock)
            found |= {f"step of {samples}": whole, f"outside of {samples}": outside}
        os.write(1, json.dumps(found).encode() + b"\n")


def _loaded(model: Path, threads: int) -> Loaded:
    entry = known_entry(load_catalogue(), model)
    config = LlamaConfig(model, entry, prompt_tokens=2048, parallel=1, threads=threads)
    digests: Future[dict[str, str]] = Future()
    digests.set_result({str(model.resolve()): entry.sha256})
    return load(
        LoadOrder.from_frame(config.order()), digests, lambda _message: None, time.monotonic
    )


def _job(loaded: Loaded, text: str, samples: int, seed: int) -> Job:
    """No answer may end early, and nothing of it is forced but the first quote."""
    return Job(
        id=seed,
        prompt=loaded.tokenizer.prompt([("system", "You help."), ("user", text)]),
        compiled=loaded.compiler.compile(TEXT, names=False),
        samples=samples,
        max_tokens=STEPS,
        how=HOW,
        seed=seed,
        deadline=time.monotonic() + 600,
        arrived=time.monotonic(),
    )


def _steps(loaded: Loaded, job: Job, clock: Clock) -> tuple[float, float]:
    """Milliseconds of a step with all samples, and of that outside `llama_decode`: medians."""
    scheduler, wholes, outsides = loaded.scheduler, [], []
    inside = _timed(scheduler.tools.context, clock)
    scheduler.submit(job)
    while not scheduler.idle:
        decodes = "names" in job.marks and not any(lane.finish for lane in job.lanes)
        inside[0], started = 0.0, clock()
        scheduler.step()
        whole = clock() - started
        if decodes:
            wholes.append(1000 * whole)
            outsides.append(1000 * (whole - inside[0]))
    return statistics.median(wholes), statistics.median(outsides)


def _timed(context: native.NativeContext, clock: Clock) -> list[float]:
    """The seconds that `context` spends in `llama_decode` from now on, in a list of one."""
    spent = [0.0]

    def decode() -> None:
        started = clock()
        native.NativeContext.decode(context)
        spent[0] += clock() - started

    context.decode = decode  # type: ignore[method-assign]
    return spent


class _Plain:
    """One sequence, decoded by nothing but `llama_decode`, in every way that there is here."""

    def __init__(self, loaded: Loaded, prompt: list[int], threads: int, clock: Clock) -> None:
        model = loaded.scheduler.tools.context.model
        self._clock, self._end = clock, len(prompt)
        ways = itertools.product((False, True), sorted({1, threads}))
        self._contexts = [
            native.NativeContext(model, ContextSize(2560, 256, 1, count, flash=flash))
            for flash, count in ways
        ]
        for context in self._contexts:
            for start in range(0, len(prompt), 256):
                list(self._decoded(context, [prompt[start : start + 256]], start))

    def step(self) -> float:
        """Milliseconds of the fastest way's step, the median of many."""
        tokens = [[1000 + 7 * n] for n in range(STEPS)]
        found = []
        for context in self._contexts:
            context.drop(0, self._end)
            found.append(statistics.median(self._decoded(context, tokens, self._end)))
        return 1000 * min(found)

    def _decoded(
        self, context: native.NativeContext, pieces: list[list[int]], pos: int
    ) -> Iterator[float]:
        for piece in pieces:
            context.batch.clear()
            context.batch.add(piece, seq=0, pos=pos, want_last=True)
            started = self._clock()
            context.decode()
            yield self._clock() - started
            pos += len(piece)


if __name__ == "__main__":
    main()
