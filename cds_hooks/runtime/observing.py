"""What the service's metrics and its log learn of hooks, consultations and commits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cds_hooks.app import Exchange
from cds_hooks.audit import Commit
from cds_hooks.consultation import CheckedConsultation, PreparedConsultation
from cds_hooks.inference.engine import EngineState
from cds_hooks.operation import Metrics
from cds_hooks.operation.repeated_lines import Repeats
from cds_hooks.runtime.telemetry import Telemetry

__all__ = ["Observer"]

# Of refused exchanges alike in a minute: metrics count them all.
_REFUSALS = 60


class Observer:
    """Counts and logs; nothing of a patient is in either."""

    def __init__(
        self,
        metrics: Metrics,
        log: Any,
        ledger_grew: Callable[[int], None],
        telemetry: Telemetry,
    ) -> None:
        self._metrics = metrics
        self._telemetry = telemetry
        self._log = log
        self._ledger_grew = ledger_grew
        self._refusals = Repeats(_REFUSALS)

    def page(self, state: EngineState) -> tuple[bytes, str]:
        """The metrics as text and its content type, with the engine as it is now."""
        self._metrics.engine(state.queued, state.running, state.restarts)
        return self._metrics.page()

    def committed(self, commit: Commit) -> None:
        """A transaction of the store ended."""
        self._metrics.store_commit(commit.seconds, commit.operations, commit.reason)
        self._ledger_grew(commit.ledger_size)
        if commit.reason:
            self._log.error("store-commit-failed", code=commit.reason)

    def consulted(self, done: CheckedConsultation) -> None:
        """A consultation ended, whatever its outcome."""
        # Counts of verdicts would tell of a silent one what its trial alone may know.
        self._metrics.consultation(replace(done, assessments=()) if done.silent else done)
        self._telemetry.consulted(done)
        timings = {stage: round(took, 1) for stage, took in done.timings_ms.items()}
        self._log.info(
            "consultation",
            consultation=done.id,
            service=done.service,
            outcome=done.outcome.value,
            code=done.fault,
            samples_failed=done.samples_failed,
            timings_ms=timings,
        )

    def failed(self, work: PreparedConsultation, error: BaseException) -> None:
        """Work that no hook was waiting for ended with an error of ours."""
        self._log.error("consultation-failed", consultation=work.id, exc_info=error)

    def exchanged(self, seen: Exchange) -> None:
        """A request was answered."""
        seconds = seen.duration_ms / 1000
        self._metrics.exchange(seen.route, seen.service, seen.status, seen.code, seconds)
        self._telemetry.exchanged(seen)
        withheld: int | None = 0
        if 400 <= seen.status < 500:
            withheld = self._refusals.passes((seen.route, seen.service, seen.status, seen.code))
        if withheld is None:
            return
        self._log.info(
            "exchange",
            request_id=seen.request_id,
            method=seen.method,
            route=seen.route,
            service=seen.service,
            status=seen.status,
            code=seen.code,
            fault=seen.fault,
            duration_ms=round(seen.duration_ms, 1),
            repeated=withheld or None,
        )

    def fed_back(
        self, service: str, outcomes: Sequence[str], *, unknown: int, duplicates: int
    ) -> None:
        """Feedback was recorded."""
        for outcome in outcomes:
            self._metrics.feedback(service, outcome)
        counts = {"unknown": unknown, "duplicates": duplicates}
        self._log.info("feedback", service=service, entries=len(outcomes), **counts)
