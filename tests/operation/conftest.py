"""Logging as the service sets it up, into a stream of the test's own; everything is put back."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from cds_hooks.operation import configure_logging


class Logged:
    """What was written, as text and as entries."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def configure() -> Iterator[Callable[..., Logged]]:
    """`configure(level=..., json=...)`: as `chartside serve` does it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook

    def setup(**options: Any) -> Logged:
        logged = Logged()
        configure_logging(stream=logged.stream, **options)
        return logged

    yield setup
    root.handlers[:], root.level, logging.raiseExceptions = before
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def logged(configure: Callable[..., Logged]) -> Logged:
    return configure(level="debug")
