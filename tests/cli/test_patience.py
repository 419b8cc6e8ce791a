"""Waiting for an engine: as long as it is given processor time, however little."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.cli.outcomes import NotAnswered
from cds_hooks.cli.patience import Patience, descendants_seconds


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def patience(clock: Clock, worked: Callable[[], float | None], limit_s: float = 0) -> Patience:
    return Patience(limit_s, worked, clock)


def wait(one: Patience, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        one.require("the model reads the chart")


def test_an_hour_is_waited_for_an_engine_that_has_a_fiftieth_of_a_processor() -> None:
    clock = Clock()
    wait(patience(clock, lambda: (clock.now - 1000) / 50), clock, 3600)


def test_an_engine_that_does_nothing_for_two_minutes_ends_the_wait() -> None:
    clock = Clock()
    one = patience(clock, lambda: min(clock.now - 1000, 30))
    # It works for 30 s; 120 s after that, and not before, nothing has moved for two minutes.
    wait(one, clock, 149)
    with pytest.raises(NotAnswered) as ended:
        wait(one, clock, 2)
    assert ended.value.code == "engine-stuck"
    assert "120 s" in ended.value.message


def test_what_the_pulse_of_an_idle_engine_costs_is_no_work() -> None:
    clock = Clock()
    one = patience(clock, lambda: (clock.now - 1000) * 0.001)
    with pytest.raises(NotAnswered) as ended:
        wait(one, clock, 200)
    assert ended.value.code == "engine-stuck"


def test_the_user_s_own_limit_is_kept_to_and_says_whether_the_engine_worked() -> None:
    clock = Clock()
    one = patience(clock, lambda: clock.now - 1000, limit_s=10)
    wait(one, clock, 10)
    with pytest.raises(NotAnswered) as ended:
        wait(one, clock, 1)
    assert ended.value.code == "wait-over"
    assert "was at work and had 11 s of processor time" in ended.value.hint


def test_where_the_kernel_tells_nothing_only_the_user_s_limit_counts() -> None:
    clock = Clock()
    one = patience(clock, lambda: None)
    wait(one, clock, 1000)
    assert one.told() == "1000 s"


def test_processor_time_is_that_of_all_below_a_process_and_not_its_own() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    below = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}]); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", below], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(6000):
            worked = descendants_seconds(child.pid)
            assert worked is not None
            if worked >= 0.25:
                break
        else:
            pytest.fail("the child of the child is not counted")
        assert (descendants_seconds(os.getpid()) or 0) >= worked
    finally:
        child.communicate(b"\n")


def test_without_a_proc_file_system_nothing_is_known(tmp_path: Path) -> None:
    assert descendants_seconds(os.getpid(), tmp_path) is None


def test_a_name_with_brackets_and_spaces_does_not_mislead(tmp_path: Path) -> None:
    for pid, name, parent, ticks in ((7, "a) 1 (b", 5, 250), (9, "x", 7, 50), (8, "y", 1, 900)):
        (tmp_path / str(pid)).mkdir()
        zeros = " ".join(["0"] * 9)
        (tmp_path / str(pid) / "stat").write_text(
            f"{pid} ({name}) S {parent} {zeros} {ticks} 0 0 0"
        )
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "stat").write_text("10 (gone")
    assert descendants_seconds(5, tmp_path) == 3.0
    assert descendants_seconds(7, tmp_path) == 0.5
    assert descendants_seconds(7, tmp_path, and_own=True) == 3.0


def test_whose_work_counts_may_change_under_way() -> None:
    clock = Clock()
    one = patience(clock, lambda: 1000.0 + clock.now)
    wait(one, clock, 100)
    one.watch(lambda: 5.0)
    wait(one, clock, 120)
    assert one.worked_s == 5.0
    with pytest.raises(NotAnswered) as ended:
        wait(one, clock, 2)
    assert ended.value.code == "engine-stuck"
