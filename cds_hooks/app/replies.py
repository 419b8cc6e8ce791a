"""Responses: JSON that was checked, and errors as OperationOutcomes that echo nothing."""

from __future__ import annotations

from starlette.responses import Response

from cds_hooks.app.errors import Unexpected
from cds_hooks.app.routes import ALLOWED, normal, route_of
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.json_output import to_json
from cds_hooks.protocol.operation_outcome import outcome_of
from cds_hooks.protocol.protocol_errors import AnswerInvalid

__all__ = ["error_reply", "json_reply"]

_JSON = "application/json"
_UNEXPECTED = to_json(outcome_of(Unexpected()))


def json_reply(body: bytes, status: int = 200) -> Response:
    """JSON bytes."""
    return Response(body, status, media_type=_JSON)


def error_reply(error: ChartsideError, *, path: str = "", retry_after_s: int = 2) -> Response:
    """The answer to an error: its status, an OperationOutcome, and the headers that go with it.

    A 401 is bare: the caller is told nothing but how to sign in.
    """
    status = error.status if 400 <= error.status < 600 else 500
    if status == 401:
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    reply = json_reply(_outcome(error), status)
    if status in (429, 503):
        reply.headers["Retry-After"] = str(getattr(error, "retry_after_s", retry_after_s))
    if status == 405:
        reply.headers["Allow"] = ALLOWED.get(route_of(normal(path)), "OPTIONS")
    if status in (408, 413):
        # The rest of the body is not wanted: without this the client would go on sending it.
        reply.headers["Connection"] = "close"
    return reply


def _outcome(error: ChartsideError) -> bytes:
    try:
        return to_json(outcome_of(error))
    except AnswerInvalid:
        return _UNEXPECTED
