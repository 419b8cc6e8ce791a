"""A process that works says so; one that does not, does not."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cds_hooks.inference.worker.heartbeat import start_heartbeat


@pytest.mark.parametrize(
    ("spent", "beats"),
    [
        ([0.0, 0.019, 0.0199], 0),
        ([0.0, 0.02, 0.021], 1),
        ([0.0, 0.01, 0.02, 0.03, 0.041], 2),
        ([1.0, 3.0, 5.0, 5.0], 2),
    ],
)
def test_it_beats_for_every_fiftieth_of_a_second_of_work(spent: list[float], beats: int) -> None:
    sent: list[dict[str, Any]] = []
    left, done = iter(spent), threading.Event()

    def next_spent() -> float:
        try:
            return next(left)
        except StopIteration:
            done.set()
            raise OSError("the pipe is closed") from None

    start_heartbeat(sent.append, 2.0, next_spent, lambda _seconds: None)
    assert done.wait(30)
    assert sent == [{"op": "pulse"}] * beats
