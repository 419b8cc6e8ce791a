"""Sends spans and metrics to a collector: OTLP over HTTP, by the encoders of OpenTelemetry.

The client is the service's own: one policy for certificates, no proxies and no headers out of the
environment, no redirects. What is not taken is counted and not sent again. The metrics are those
of Prometheus, so that both tell the same.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import httpx
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily

from cds_hooks.operation.logs import get_logger
from cds_hooks.tls_client import client_context

__all__ = ["Collector", "Spans", "metrics_of"]

_WITHIN_S = 5.0
_TYPE = {"Content-Type": "application/x-protobuf"}
_LABEL = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._:/{}\[\]@+-]{0,199}")
_OURS = ("chartside_", "process_")


class Collector:
    """The collector at `endpoint`. Safe for many threads; `send` never raises."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        bounds = httpx.Timeout(_WITHIN_S)
        self._http = httpx.Client(
            verify=client_context(), trust_env=False, follow_redirects=False, timeout=bounds
        )
        self._counts: Counter[str] = Counter()
        self._mutex = threading.Lock()
        self._failing = False

    def send(self, kind: str, body: bytes) -> bool:
        """Send what is encoded; `kind` is traces or metrics. False when it was not taken."""
        try:
            answer = self._http.post(f"{self._endpoint}/v1/{kind}", content=body, headers=_TYPE)
            taken, code = answer.is_success, f"status-{answer.status_code}"
        except Exception as error:  # whatever it is, no hook hears of it
            taken, code = False, type(error).__name__
        with self._mutex:
            self._counts["sent" if taken else "lost"] += 1
            tell, self._failing = not taken and not self._failing, not taken
        if tell:
            get_logger().warning("telemetry-not-sent", code=code)
        return taken

    def close(self) -> None:
        self._http.close()

    def collect(self) -> Iterator[Any]:
        """For Prometheus: how many sets were sent, and lost."""
        text = "Sets of spans or metrics for the OpenTelemetry collector."
        found = CounterMetricFamily("chartside_telemetry_sets", text, labels=["result"])
        for result in ("sent", "lost"):
            found.add_metric([result], self._counts[result])
        yield found


class Spans(SpanExporter):
    """Gives spans to the collector."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        taken = self._collector.send("traces", encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE


def metrics_of(registry: CollectorRegistry, resource: Resource, since_ns: int) -> bytes:
    """All metrics of the service as they are now, encoded. Counters count from `since_ns` on."""
    now = time.time_ns()
    found = [metric for family in registry.collect() for metric in _metrics(family, since_ns, now)]
    scope = ScopeMetrics(InstrumentationScope("chartside"), found, "")
    data = MetricsData([ResourceMetrics(resource, [scope], "")])
    encoded: bytes = encode_metrics(data).SerializeToString()
    return encoded


def _metrics(family: Any, since_ns: int, now: int) -> Iterator[Metric]:
    """A family's samples by name; those of a histogram (`_bucket`, `_sum`, `_count`) only grow."""
    if not family.name.startswith(_OURS):
        return
    by_name: dict[str, list[NumberDataPoint]] = {}
    for sample in family.samples:
        if not sample.name.endswith("_created"):
            labels = dict(_labels(sample.labels.items()))
            point = NumberDataPoint(labels, since_ns, now, float(sample.value))
            by_name.setdefault(sample.name, []).append(point)
    for name, points in sorted(by_name.items()):
        if family.type in ("counter", "histogram"):
            grown = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
            yield Metric(name, family.documentation, "", grown)
        else:
            yield Metric(name, family.documentation, "", Gauge(points))


def _labels(given: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Labels whose value is a word; anything else is left out, as in the log."""
    return ((name, value) for name, value in given if not value or _LABEL.fullmatch(value))
