"""The ledger verified from a page: by the function of `chartside audit verify`, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.epoch_words import epoch_words
from cds_hooks.audit.ledger.source_verification import verify_source
from cds_hooks.audit.ledger.verification_words import verification_json, verification_words
from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.reader import Reader
from cds_hooks.errors import ChartsideError

__all__ = ["VerificationResult", "Verifications"]


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """What one verification found. `words` says it, the first whether the ledger is whole; `told`
    is what `audit verify --json` prints. `error` is why there is no result."""

    at: str
    took_s: float
    whole: bool = False
    words: tuple[str, ...] = ()
    told: dict[str, Any] = field(default_factory=dict)
    error: str = ""


class _Stopped(Exception):
    """The service stops."""


class _Progress:
    """How far a verification is, read by pages while its thread works."""

    def __init__(self, stopping: threading.Event) -> None:
        self.passed = self.total = self.records = 0
        self._stopping = stopping

    def watch(self, records: Iterable[bytes]) -> Iterator[bytes]:
        for data in records:
            if self._stopping.is_set():
                raise _Stopped
            self.passed += len(data) + 1
            self.records += 1
            yield data

    @property
    def percent(self) -> int:
        return min(100 * self.passed // self.total, 100) if self.total else 0


class Verifications:
    """One verification at a time for everybody; the last result stays until the service stops.

    `clock` is UTC seconds.
    """

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.time) -> None:
        self._desk = desk
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self.progress = _Progress(desk.stopping)
        self.last: VerificationResult | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self, reader: Reader) -> None:
        """Begin, unless one is running. The result is on record before anybody is told."""
        if not self.running:
            self.progress = _Progress(self._desk.stopping)
            self._task = asyncio.create_task(self._run(reader), name="desk-verification")

    async def _run(self, reader: Reader) -> None:
        began, progress = self._clock(), self.progress
        with contextlib.suppress(_Stopped):
            try:
                result = await asyncio.to_thread(self._verified, began, progress)
                await self._desk.recording.happened(
                    "ledger-verified", reader, outcome=_outcome(result), result=result.words[0]
                )
            except ChartsideError as error:
                took = self._clock() - began
                result = VerificationResult(format_utc(began), took, error=error.diagnostics())
            except OSError as error:
                took, why = self._clock() - began, f"it cannot be read ({error.strerror})"
                result = VerificationResult(format_utc(began), took, error=why)
            except _Stopped:
                raise
            except Exception as error:  # an earlier result must not stand for this one
                took, why = self._clock() - began, f"verifying failed ({type(error).__name__})"
                result = VerificationResult(format_utc(began), took, error=why)
            self.last = result

    def _verified(self, began: float, progress: _Progress) -> VerificationResult:
        witnessed = self._desk.witnessed()
        with self._desk.open_source() as source:
            progress.total = source.total
            report, coverage = verify_source(
                source, self._desk.keys, witnessed, watch=progress.watch
            )
        seen = bool(witnessed)
        epochs = epoch_words(report.epochs, coverage.given_up, witnessed=seen)
        return VerificationResult(
            format_utc(began),
            self._clock() - began,
            report.is_whole,
            (
                *verification_words(report, coverage, witnessed=seen),
                *(line.removesuffix(".") for line in epochs),
            ),
            verification_json(report, coverage, witnessed=seen),
        )


def _outcome(result: VerificationResult) -> str:
    return "whole" if result.whole else "not-whole"
