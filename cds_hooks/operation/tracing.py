"""Traces of hooks: a span for each, and one within it for each stage. Nothing of a patient.

A span has a name and attributes from a closed list, each with a check of its value; what is not on
the list is left out. No exception, no text, no id of the store. Whatever goes wrong here, a hook
does not hear of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.consultation import CheckedConsultation, KeyState, Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.operation.otlp import Collector, Spans, metrics_of
from cds_hooks.operation.telemetry_settings import TelemetrySettings
from cds_hooks.operation.trace_context import BoundedSampler, parent_of

__all__ = ["ATTRIBUTES", "Tracing"]

_HOOK = re.compile(r"/+cds-services/+[^/]+/*")
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ROUTE = re.compile(r"/[a-z{}/-]{0,63}")
_QUEUE, _BATCH, _DELAY_MS = 2048, 512, 2000.0
_AT_THE_END_S = 3.0
# The rest of a consultation's stages ran before the model was asked.
_AFTER = ("model", "check")
_FAILED = frozenset(Outcome) - {Outcome.ANSWERED, Outcome.EMPTY, Outcome.CHECKED, Outcome.PENDING}


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


ATTRIBUTES: Mapping[str, Callable[[object], bool]] = {
    "http.route": _matches(_ROUTE),
    "http.response.status_code": _number,
    "chartside.service": _matches(_WORD),
    "chartside.outcome": _matches(_WORD),
    "chartside.code": _matches(_WORD),
    "chartside.samples_failed": _number,
    "chartside.tokens.prompt": _number,
    "chartside.tokens.reused": _number,
    "chartside.tokens.answer": _number,
    "chartside.ms.queue": _number,
    "chartside.ms.prompt": _number,
    "chartside.ms.decode": _number,
}
"""Every attribute that a span may have, with the check of its value."""


class Tracing:
    """Traces what it is told of and sends it while `kept` is open."""

    def __init__(
        self, config: TelemetrySettings, registry: CollectorRegistry, *, version: str
    ) -> None:
        self._config = config
        self._registry = registry
        self._since = time.time_ns()
        self._collector = Collector(config.endpoint or "")
        registry.register(self._collector)
        self._resource = Resource({"service.name": "chartside", "service.version": version})
        self._provider = TracerProvider(
            sampler=BoundedSampler(config.ratio, config.traces_per_minute),
            resource=self._resource,
            shutdown_on_exit=False,
        )
        self._tracer = self._provider.get_tracer("chartside")

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The application with a span around each hook."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            is_hook = scope["type"] == "http" and scope["method"] == "POST"
            if not is_hook or not _HOOK.fullmatch(scope["path"]):
                await app(scope, receive, send)
                return
            parent = parent_of(scope["headers"])
            span = self._tracer.start_span("hook", context=parent, kind=SpanKind.SERVER)
            token = contexts.attach(trace.set_span_in_context(span))
            try:
                await app(scope, receive, send)
            finally:
                contexts.detach(token)
                span.end()

        return traced

    def exchanged(self, *, route: str, service: str, status: int, code: str) -> None:
        """The exchange that the present span is of was answered."""
        with contextlib.suppress(Exception):
            span = trace.get_current_span()
            told = {"http.route": route, "http.response.status_code": status}
            span.set_attributes(
                _allowed({**told, "chartside.service": service, "chartside.code": code})
            )
            if status >= 500 or not status:
                span.set_status(Status(StatusCode.ERROR))

    def consulted(self, done: CheckedConsultation) -> None:
        """A consultation ended: a span for each of its stages."""
        with contextlib.suppress(Exception):
            stages = list(_stages(done, time.time_ns()))
            with self._parent_of(stages):
                for stage, begin, end in stages:
                    self._span(stage, begin, end, *_told(stage, done))

    @contextlib.contextmanager
    def _parent_of(self, stages: list[tuple[str, int, int]]) -> Iterator[None]:
        """Within the span of the hook; within one of its own where no hook is."""
        if not stages or trace.get_current_span().get_span_context().is_valid:
            yield
            return
        span = self._tracer.start_span("consultation", start_time=stages[0][1])
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield
        span.end(stages[-1][2])

    def recording(self, store: Any) -> Any:
        """The store, with a span for each consultation that it records."""
        return _RecordingStore(store, self._span)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Send while the block runs; what waits then gets a moment."""
        self._provider.add_span_processor(
            BatchSpanProcessor(
                Spans(self._collector),
                max_queue_size=_QUEUE,
                schedule_delay_millis=_DELAY_MS,
                max_export_batch_size=_BATCH,
            )
        )
        sending = asyncio.create_task(self._send_metrics(), name="telemetry")
        try:
            yield
        finally:
            sending.cancel()
            ending = threading.Thread(target=self._close, name="telemetry-end", daemon=True)
            ending.start()
            await asyncio.to_thread(ending.join, _AT_THE_END_S)

    async def _send_metrics(self) -> None:
        while True:
            await asyncio.sleep(self._config.metrics_every_s)
            await asyncio.to_thread(self._metrics)

    def _metrics(self) -> None:
        with contextlib.suppress(Exception):
            body = metrics_of(self._registry, self._resource, self._since)
            self._collector.send("metrics", body)

    def _close(self) -> None:
        self._provider.shutdown()
        self._metrics()
        self._collector.close()

    def _span(
        self, name: str, begin: int, end: int, told: Mapping[str, object], failed: bool
    ) -> None:
        with contextlib.suppress(Exception):
            span = self._tracer.start_span(name, start_time=begin, attributes=_allowed(told))
            if failed:
                span.set_status(Status(StatusCode.ERROR))
            span.end(end)


def _allowed(told: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if ATTRIBUTES[name](value)}


def _stages(done: CheckedConsultation, now: int) -> Iterator[tuple[str, int, int]]:
    """Name, begin and end (ns) of each stage: those before the model from the moment on when
    gathering began, the others back from now."""
    took = {name: int(1e6 * ms) for name, ms in done.timings_ms.items() if "." not in name}
    at = int(1e9 * done.created) - took.get("gather", 0)
    for name in (name for name in took if name not in _AFTER):
        yield name, at, at + took[name]
        at += took[name]
    if done.outcome in _FAILED and "model" not in took:  # it ended in the midst of it
        yield "engine", at, max(at, now)
    at = now - sum(took.get(name, 0) for name in _AFTER)
    for name in (name for name in _AFTER if name in took):
        yield "engine" if name == "model" else name, at, at + took[name]
        at += took[name]


def _told(stage: str, done: CheckedConsultation) -> tuple[dict[str, object], bool]:
    """A stage's attributes, and whether it failed."""
    told: dict[str, object] = {"chartside.service": done.service}
    if stage == "gather":
        missing = [key for key, state in done.key_states.items() if state is KeyState.UNAVAILABLE]
        noted = (code for key in missing for code in done.key_arrivals[key].noted)
        return told | {"chartside.code": next(noted, "")}, bool(missing)
    if stage != "engine":
        return told, False
    told |= {"chartside.outcome": done.outcome.value, "chartside.code": done.fault}
    told |= {f"chartside.tokens.{kind}": done.tokens.get(kind) for kind in _COUNTED}
    told |= {f"chartside.ms.{part}": done.timings_ms.get(f"model.{part}") for part in _TIMED}
    return told | {"chartside.samples_failed": done.samples_failed}, done.outcome in _FAILED


_COUNTED, _TIMED = ("prompt", "reused", "answer"), ("queue", "prompt", "decode")


class _RecordingStore:
    """A store whose recording of consultations is timed; everything else is the store's own."""

    def __init__(self, store: Any, span: Callable[..., None]) -> None:
        self._store = store
        self._span = span

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def save_consultation(self, *given: Any, **named: Any) -> None:
        await self._timed(self._store.save_consultation(*given, **named))

    async def save_cards(self, *given: Any, **named: Any) -> Any:
        return await self._timed(self._store.save_cards(*given, **named))

    async def _timed(self, work: Any) -> Any:
        begin, code = time.time_ns(), ""
        try:
            return await work
        except ChartsideError as error:
            code = getattr(error, "reason", "") or error.code
            raise
        finally:
            told = {"chartside.code": code}
            self._span("record", begin, time.time_ns(), told, bool(code))
