"""Logits that are no numbers end a sample, or its request, and never the engine process."""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from cds_hooks.inference.worker.decoding.sampling import LogitsUnusable
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch
from cds_hooks.inference.worker.jobs import _decode
from cds_hooks.inference.worker.scheduler import Scheduler, _Running


class _Lane:
    """A sample that ends at its first token, by a code or well."""

    def __init__(self, fails: bool) -> None:
        self.finish, self.fails = "", fails

    def work(self) -> TokenBatch:
        return TokenBatch(0, 0, [1])

    def look_ahead(self, _helper: Any) -> None:
        return

    def advance(self, _logits: Any) -> None:
        if self.fails:
            raise LogitsUnusable
        self.finish = "stop"


def test_the_other_samples_of_a_request_go_on() -> None:
    lanes: Any = [_Lane(fails=True), _Lane(fails=False)]
    with ThreadPoolExecutor(1) as helper:
        assert [len(works) for works in _decode(lanes, helper)] == [2]
    assert [lane.finish for lane in lanes] == ["logits-not-numbers", "stop"]


def test_a_request_that_cannot_begin_is_refused_with_what_to_look_at() -> None:
    def steps() -> Generator[list[TokenBatch], None, None]:
        raise LogitsUnusable
        yield []

    told: list[dict[str, Any]] = []
    job: Any = SimpleNamespace(id=7)
    scheduler = Scheduler(SimpleNamespace(), time.monotonic, told.append)  # type: ignore[arg-type]
    run = _Running(job, steps(), [])
    scheduler.running.append(run)
    scheduler._resume(run)
    assert scheduler.idle
    [error] = told
    assert (error["id"], error["code"]) == (7, "engine-failed")
    assert error["message"].startswith("logits-not-numbers: the model's file is damaged")
