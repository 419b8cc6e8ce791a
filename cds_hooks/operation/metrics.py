"""Prometheus metrics in a registry of their own; labels come from closed sets, not from charts."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)
from prometheus_client import generate_latest as generate

from cds_hooks.consultation import CheckedConsultation

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Everything that is counted. One instance a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("chartside_build", "What runs here.", registry=self.registry)
        build.info({"version": version("chartside")})
        self._exchanges = self._times("http", "An HTTP exchange.", "route", "service", "status")
        self._refused = self._count("errors", "Errors answered, by code.", "code")
        self._consultations = self._count(
            "consultations", "Consultations by how they ended.", "service", "outcome"
        )
        self._faults = self._count(
            "consultation_faults", "Consultations without an answer, by code.", "code"
        )
        self._stages = self._times("stage", "A stage of a consultation.", "stage")
        self._tokens = self._count("tokens", "Tokens read and written.", "kind")
        self._samples_failed = self._count("samples_failed", "Samples that were no answer.")
        self._verdicts = self._count("verdicts", "Diagnoses by verdict.", "verdict")
        self._feedback = self._count("feedback", "Feedback entries.", "service", "outcome")
        self._store = self._times("store_commit", "Making records durable.")
        self._writes = self._count(
            "store_writes", "Writes of the store: `ok`, or why they failed.", "result"
        )
        self._engine = Gauge(
            "chartside_engine", "The engine's requests and restarts.", ("what",),
            registry=self.registry,
        )  # fmt: skip

    def _count(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"chartside_{name}", text, labels, registry=self.registry)

    def _times(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(
            f"chartside_{name}_seconds", text, labels, buckets=_SECONDS, registry=self.registry
        )

    def exchange(self, route: str, service: str, status: int, code: str, seconds: float) -> None:
        """One finished HTTP exchange."""
        self._exchanges.labels(route, service, str(status)).observe(seconds)
        if code:
            self._refused.labels(code).inc()

    def consultation(self, done: CheckedConsultation) -> None:
        """One finished consultation."""
        self._consultations.labels(done.service, done.outcome.value).inc()
        if done.fault:
            self._faults.labels(done.fault).inc()
        self._samples_failed.inc(done.samples_failed)
        for stage, milliseconds in done.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)
        for kind, count in done.tokens.items():
            self._tokens.labels(kind).inc(count)
        for assessment in done.assessments:
            self._verdicts.labels(assessment.verdict.value).inc()

    def feedback(self, service: str, outcome: str) -> None:
        """One feedback entry."""
        self._feedback.labels(service, outcome).inc()

    def engine(self, queued: int, running: int, restarts: int) -> None:
        """The engine as it is now."""
        for what, count in (("queued", queued), ("running", running), ("restarts", restarts)):
            self._engine.labels(what).set(count)

    def store_commit(self, seconds: float, operations: int = 1, reason: str = "") -> None:
        """One commit of the store, which carried some writes; `reason` if it failed."""
        self._store.observe(seconds)
        self._writes.labels(reason or "ok").inc(operations)

    def page(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its content type."""
        return generate(self.registry), CONTENT_TYPE_LATEST
