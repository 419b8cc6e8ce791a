"""What a model server can do wrong, each with a stable code and what to do next.

Bodies of servers appear in no message: some echo the request, and so the chart, in their errors.
"""

from __future__ import annotations

from enum import StrEnum

from cds_hooks.inference.engine import (
    EngineError,
    EngineUnavailable,
    PromptTooLong,
    QueueFull,
    UnusableAnswer,
)
from cds_hooks.inference.remote.misbehaviour import misbehaviours

__all__ = ["OF_THE_MODEL", "FaultCode", "ServerAway", "ServerBusy", "ServerFault", "fault_error"]


class FaultCode(StrEnum):
    """Codes of what went wrong between us and a model server."""

    UNREACHABLE = "server-unreachable"
    UNTRUSTED = "server-untrusted"
    KEY_UNUSABLE = "server-key-unusable"
    UNAUTHORIZED = "server-unauthorized"
    FORBIDDEN = "server-forbidden"
    NOT_FOUND = "server-not-found"
    REQUEST_REFUSED = "server-refused-request"
    PROMPT_TOO_LONG = PromptTooLong.code
    BUSY = QueueFull.code
    UNAVAILABLE = "server-unavailable"
    ERROR = "server-error"
    REDIRECTED = "server-redirected"
    UNEXPECTED_STATUS = "server-unexpected-status"
    COMPRESSED = "server-compressed"
    HTML = "server-html"
    CONTENT_TYPE = "server-content-type"
    NOT_HTTP = "server-not-http"
    NOT_JSON = "server-not-json"
    GARBAGE = "server-garbage"
    TOO_LARGE = "server-too-large"
    STALLED = "server-stalled"
    CONNECTION_LOST = "server-connection-lost"
    CLOSED_EARLY = "server-closed-early"
    REPORTED_ERROR = "server-reported-error"
    ANSWER_ABORTED = "server-aborted-answer"
    OTHER_MODEL = "server-other-model"
    # What servers are known to do wrong: texts and sources are in `misbehaviour.toml`.
    ANSWER_IN_REASONING = "server-answer-in-reasoning"
    DOUBLED_BRACE = "server-doubled-brace"
    WHITE_SPACE = "server-white-space"
    REPEATS = "server-repeats"
    THOUGHT_UNENDING = "server-thought-unending"
    THOUGHT_IN_ANSWER = "server-thought-in-answer"
    UNCONSTRAINED = "server-unconstrained-answer"
    EMPTY_ANSWER = "server-empty-answer"
    SCHEMA_REFUSED = "server-refused-schema"
    NO_JSON_SCHEMA = "server-without-json-schema"
    CANNOT_READ_MODEL = "server-cannot-read-model"
    ENGINE_DEAD = "server-engine-dead"
    PROMPT_CUT = "server-cut-prompt"
    DID_NOT_THINK = "server-did-not-think"
    PRIORITY_REFUSED = "server-refused-priority"


_LOGS = "See the model server's own log."
_PROXY = "Check that the base URL is the model server's own and not a proxy's."
_VERSION = "Check that the server speaks the OpenAI chat completions protocol."

_TEXTS: dict[FaultCode, tuple[str, str]] = {
    FaultCode.UNREACHABLE: (
        "The model server accepts no connection",
        "Check that it runs, its address and port, and the firewall.",
    ),
    FaultCode.UNTRUSTED: (
        "The model server's certificate is not trusted, or it does not trust ours",
        "Check the certificate authority, the host name, the client certificate, and that all are "
        "as RFC 5280 asks (docs/operators/certificates.md).",
    ),
    FaultCode.KEY_UNUSABLE: (
        "The model server's key file cannot be used",
        "It must be readable and hold one line of printable ASCII.",
    ),
    FaultCode.UNAUTHORIZED: ("The model server does not accept the key", "Check the key file."),
    FaultCode.FORBIDDEN: ("The model server forbids the request", "Check what its key may do."),
    FaultCode.NOT_FOUND: ("The model server does not know the address or the model", _PROXY),
    FaultCode.REQUEST_REFUSED: ("The model server refused the request", _LOGS),
    FaultCode.PROMPT_TOO_LONG: (
        "The prompt and the answer do not fit the model server's context",
        "Serve the model with a larger context, or lower the template's budget.",
    ),
    FaultCode.BUSY: ("The model server has more work than it takes", "Add a replica."),
    FaultCode.UNAVAILABLE: ("The model server is loading or down for now", _LOGS),
    FaultCode.ERROR: ("The model server failed", _LOGS),
    FaultCode.REDIRECTED: ("The model server answered with a redirect; none is followed", _PROXY),
    FaultCode.UNEXPECTED_STATUS: ("The model server answered with an unexpected status", _VERSION),
    FaultCode.COMPRESSED: ("The model server compressed an answer that must not be", _PROXY),
    FaultCode.HTML: ("The model server answered with a web page", _PROXY),
    FaultCode.CONTENT_TYPE: ("The model server answered with another content type", _VERSION),
    FaultCode.NOT_HTTP: ("What answered does not speak HTTP", _PROXY),
    FaultCode.NOT_JSON: ("The model server answered with something that is not JSON", _VERSION),
    FaultCode.GARBAGE: ("The model server's answer has another shape than it should", _VERSION),
    FaultCode.TOO_LARGE: ("The model server sent more than an answer may be", _LOGS),
    FaultCode.STALLED: ("The model server went silent", _LOGS),
    FaultCode.CONNECTION_LOST: ("The connection was lost before an answer began", _LOGS),
    FaultCode.CLOSED_EARLY: ("The model server ended its answer half-way", _LOGS),
    FaultCode.REPORTED_ERROR: ("The model server reported an error within its answer", _LOGS),
    FaultCode.ANSWER_ABORTED: ("The model server gave up its answer", _LOGS),
    FaultCode.OTHER_MODEL: (
        "The model server serves another model than the one configured",
        "Configure the id that its /v1/models lists.",
    ),
}
_TEXTS |= {FaultCode(m.code): (m.message, m.switch) for m in misbehaviours().misbehaviour}

OF_THE_MODEL = frozenset(FaultCode(m.code) for m in misbehaviours().misbehaviour) - {
    FaultCode.ENGINE_DEAD
}
"""Faults of a model or of how it is served: another server of the same kind does the same."""


class ServerFault(EngineError):
    """A model server did not answer as it should; `fault` says how.

    `began` is whether anything was generated that reached us; `retry_after_s` is how long the
    server asked us to wait, if it did.
    """

    code = "server-fault"

    def __init__(
        self,
        fault: FaultCode,
        *,
        where: str = "",
        began: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        message, hint = _TEXTS[fault]
        super().__init__(message, where=where, hint=hint)
        self.code = fault.value
        self.fault = fault
        self.began = began
        self.retry_after_s = retry_after_s


class ServerAway(ServerFault, EngineUnavailable):
    """The server cannot be asked at all just now; nothing was generated."""


class ServerBusy(ServerFault, QueueFull):
    """The server has too much to do; nothing was generated."""


class ServerPromptTooLong(ServerFault, PromptTooLong):
    """The server's context is too small for the request."""


class ServerAnswerUnusable(ServerFault, UnusableAnswer):
    """The server's model answered in a form that cannot be used."""


_KINDS: dict[FaultCode, type[ServerFault]] = {
    FaultCode.UNREACHABLE: ServerAway,
    FaultCode.UNTRUSTED: ServerAway,
    FaultCode.KEY_UNUSABLE: ServerAway,
    FaultCode.UNAVAILABLE: ServerAway,
    FaultCode.BUSY: ServerBusy,
    FaultCode.PROMPT_TOO_LONG: ServerPromptTooLong,
}
_KINDS |= {
    FaultCode(m.code): ServerAnswerUnusable for m in misbehaviours().misbehaviour if m.answered
}


def fault_error(
    fault: FaultCode, *, where: str = "", began: bool = False, retry_after_s: float | None = None
) -> ServerFault:
    """The error of a fault, in the class that callers of any engine know."""
    kind = _KINDS.get(fault, ServerFault)
    return kind(fault, where=where, began=began, retry_after_s=retry_after_s)
