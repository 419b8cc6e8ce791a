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

from cds_hooks.consultation import Consultation

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Everything that is counted. One instance a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("chartside_build", "What runs here.", registry=self.registry)
        build.info({"version": version("chartside")})
        self._exchanges = Histogram(
            "chartside_http_seconds",
            "Time of an HTTP exchange.",
            ("route", "service", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._refused = Counter(
            "chartside_errors", "Errors answered, by code.", ("code",), registry=self.registry
        )
        self._consultations = Counter(
            "chartside_consultations",
            "Consultations by how they ended.",
            ("service", "outcome"),
            registry=self.registry,
        )
        self._stages = Histogram(
            "chartside_stage_seconds",
            "Time of a stage of a consultation.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._tokens = Counter(
            "chartside_tokens", "Tokens read and written.", ("kind",), registry=self.registry
        )
        self._samples_failed = Counter(
            "chartside_samples_failed", "Samples that were no answer.", registry=self.registry
        )
        self._verdicts = Counter(
            "chartside_verdicts", "Diagnoses by verdict.", ("verdict",), registry=self.registry
        )
        self._feedback = Counter(
            "chartside_feedback",
            "Feedback entries.",
            ("service", "outcome"),
            registry=self.registry,
        )
        self._engine = Gauge(
            "chartside_engine",
            "The engine's requests and restarts.",
            ("what",),
            registry=self.registry,
        )
        self._store = Histogram(
            "chartside_store_commit_seconds",
            "Time to make records durable.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._writes = Counter(
            "chartside_store_writes",
            "Writes of the store, by `ok` or the reason they failed.",
            ("result",),
            registry=self.registry,
        )

    def exchange(self, route: str, service: str, status: int, code: str, seconds: float) -> None:
        """One finished HTTP exchange."""
        self._exchanges.labels(route, service, str(status)).observe(seconds)
        if code:
            self._refused.labels(code).inc()

    def consultation(self, done: Consultation) -> None:
        """One finished consultation."""
        self._consultations.labels(done.service, done.outcome.value).inc()
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
