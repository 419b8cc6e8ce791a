"""What the HTTP edge is handed: everything that does work, as plain callables and values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse

from cds_hooks.app.browsers import ErrorPage
from cds_hooks.app.errors import PathUnknown
from cds_hooks.capture import Exchange as CapturedExchange
from cds_hooks.consultation import Caller
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import REGISTRY, ServiceDefinition

__all__ = ["AppHandlers", "Call", "Exchange", "Identify", "Readiness", "RequestInfo"]


@dataclass(frozen=True, slots=True)
class Call:
    """What tells who calls: the values of its Authorization headers, and its normal path.

    `peer` is its address, behind a declared proxy the one that this names; `certificate` (DER) what
    it showed in TLS. Both are empty where they are not known.
    """

    authorizations: tuple[str, ...] = field(repr=False)
    path: str
    request_id: str
    peer: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """`received` is `time.monotonic()` at the request's first byte seen here.

    `wait_s` is how long the caller of a service that only starts work would wait for its outcome.
    `digest` is of caller, service and body (`protocol.request_digest`), empty when it has none.
    `shed` asks for an answer without a model, as nearly as many calls are open as there may be.
    `caller` is who calls, as far as the edge knows: without a token only the fields that the body
    gives are filled.
    """

    request_id: str
    received: float
    wait_s: float = 0.0
    digest: bytes = b""
    caller: Caller = field(default_factory=Caller)
    shed: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether calls can be answered, and each check by name with `ok` or what is wrong."""

    ready: bool
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished HTTP exchange, for log and metrics: nothing of it comes from a patient.

    `method`, `route` and `service` are from closed sets (`OTHER`, `other` and "" stand for the
    rest). `code` is the error's; `fault` is the type and the place of an unexpected exception,
    never its text. `status` is 0 when no answer was begun.
    """

    request_id: str
    method: str
    route: str
    service: str
    status: int
    code: str
    fault: str
    duration_ms: float


Identify = Callable[[Call], Awaitable[Caller]]
Answer = Callable[[ServiceDefinition, HookRequest, RequestInfo], Awaitable[Response]]
RecordFeedback = Callable[[str, Sequence[FeedbackEntry], RequestInfo], Awaitable[None]]
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


Judge = Callable[[str, Sequence[Judgement], str, RequestInfo, str], Awaitable[None]]


async def _no_consultation(_: str) -> HTMLResponse:
    raise PathUnknown


async def _no_judgement(*_: object) -> None:
    raise PathUnknown


@dataclass(frozen=True, slots=True)
class AppHandlers:
    """`answer` and `record_feedback` may raise any ChartsideError: it becomes an OperationOutcome.

    `metrics` gives a body and its content type; `version` what /version tells; `basis` a whole
    HTML page with its policy, `consultation` the one that a card's link opens; `judge` takes
    what its form says of single diagnoses, and of which consultation's list, `reasons` are the
    codes that it may give; `observe` sees each finished exchange; `known` gives the request
    in a body of this digest where it was read before; `identify` tells who calls, or raises:
    without it whoever can connect may call; `record` takes each call that was let in, for a file;
    `hidden` are the ids of services that discovery leaves out now: `answer` raises
    ServiceSwitchedOff for them, which the caller sees as an answer without cards;
    `lifespan` is entered before the first request and left after the last; `error_page` is shown to
    browsers in place of an OperationOutcome.
    """

    answer: Answer
    record_feedback: RecordFeedback
    ready: Callable[[], Readiness]
    metrics: Callable[[], tuple[bytes, str]]
    basis: Callable[[], HTMLResponse]
    version: Mapping[str, str]
    observe: Callable[[Exchange], None]
    services: tuple[ServiceDefinition, ...] = REGISTRY
    consultation: Callable[[str], Awaitable[HTMLResponse]] = _no_consultation
    judge: Judge = _no_judgement
    reasons: frozenset[str] = frozenset()
    hidden: Callable[[], frozenset[str]] = frozenset
    known: Callable[[bytes], HookRequest | None] = lambda _: None
    identify: Identify | None = None
    record: Callable[[CapturedExchange], None] | None = None
    lifespan: Lifespan | None = None
    error_page: ErrorPage | None = None
