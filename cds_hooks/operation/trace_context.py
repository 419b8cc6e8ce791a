"""Whose trace a hook is part of (W3C Trace Context), and whether it is recorded.

A client's `traceparent` gives the trace its id and its parent. Whether the hook is recorded is
decided here alone: a client that asks for every one of its hooks would else decide what they cost.
`tracestate` is not read and not passed on: its content is anybody's.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
)
from opentelemetry.util.types import Attributes

__all__ = ["BoundedSampler", "parent_of"]

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MINUTE_S = 60.0


def parent_of(headers: Sequence[tuple[bytes, bytes]]) -> Context:
    """The context that the one `traceparent` header names; an empty one where it is no good."""
    given = [value for name, value in headers if name == b"traceparent"]
    found = _TRACEPARENT.fullmatch(given[0].strip()) if len(given) == 1 else None
    if found is None:
        return Context()
    version, trace_id, span_id, _, more = found.groups()
    is_zero = not int(trace_id, 16) or not int(span_id, 16)
    if version == b"ff" or (version == b"00" and more) or is_zero:
        return Context()
    parent = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(0))
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


class BoundedSampler(Sampler):
    """Records a share of all hooks, and so many a minute at most; what is within one, with it."""

    def __init__(
        self, ratio: float, per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ratio = ratio
        self._most = float(per_minute)
        self._left = self._most
        self._clock = clock
        self._last = clock()
        self._mutex = threading.Lock()

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,  # noqa: ARG002
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid and not parent.is_remote:
            taken = parent.trace_flags.sampled
        else:
            taken = random.random() < self._ratio and self._take()  # noqa: S311 - no secret
        return SamplingResult(Decision.RECORD_AND_SAMPLE if taken else Decision.DROP, attributes)

    def get_description(self) -> str:
        return "chartside"

    def _take(self) -> bool:
        with self._mutex:
            now = self._clock()
            grown = self._left + self._most * (now - self._last) / _MINUTE_S
            self._left, self._last = min(grown, self._most), now
            if self._left < 1:
                return False
            self._left -= 1
            return True
