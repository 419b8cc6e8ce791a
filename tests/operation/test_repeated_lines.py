"""Lines that repeat: the first are written, the rest are counted."""

from __future__ import annotations

import io
import logging

import orjson
import pytest

from cds_hooks.operation import configure_logging, get_logger
from cds_hooks.operation.repeated_lines import Repeats


def test_a_burst_passes_and_the_rest_is_counted_until_the_window_ends() -> None:
    now = 0.0
    repeats = Repeats(2, window_s=60.0, clock=lambda: now)
    assert [repeats.passes("a") for _ in range(4)] == [0, 0, None, None]
    assert repeats.passes("b") == 0
    now = 59.9
    assert repeats.passes("a") is None
    now = 60.0
    assert [repeats.passes("a") for _ in range(3)] == [3, 0, None]


def test_very_many_different_lines_need_bounded_memory() -> None:
    repeats = Repeats(1)
    for number in range(5000):
        assert repeats.passes(number) == 0
    assert len(repeats._windows) == 1000


@pytest.fixture
def written() -> io.StringIO:
    stream = io.StringIO()
    configure_logging(stream=stream)
    return stream


def test_a_library_that_says_the_same_again_fills_no_log(written: io.StringIO) -> None:
    library = logging.getLogger("uvicorn.error")
    for _ in range(500):
        library.warning("Invalid HTTP request received.")
    library.warning("Another line.")
    lines = [orjson.loads(line) for line in written.getvalue().splitlines()]
    assert 1 <= len([line for line in lines if "Invalid" in line["event"]]) <= 20
    assert lines[-1]["event"] == "Another line."


def test_errors_of_different_types_are_different_lines(written: io.StringIO) -> None:
    library = logging.getLogger("asyncio")
    for error in (OSError(), ValueError(), KeyError()):
        for _ in range(100):
            library.error("x", exc_info=error)
    text = written.getvalue()
    assert all(name in text for name in ("OSError", "ValueError", "KeyError"))
    assert len(text.splitlines()) <= 60


def test_events_of_ours_are_all_written(written: io.StringIO) -> None:
    for _ in range(100):
        get_logger().warning("witness-failed", code="x")
    assert len(written.getvalue().splitlines()) == 100
