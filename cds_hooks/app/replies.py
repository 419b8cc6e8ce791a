"""Responses: JSON that was checked, and errors that echo nothing: OperationOutcomes, or for a
browser a page."""

from __future__ import annotations

from contextlib import suppress

from starlette.responses import Response
from starlette.types import Scope

from cds_hooks.app.browsers import ErrorPage, wants_page
from cds_hooks.app.errors import Unexpected
from cds_hooks.app.notes import notes_of
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


def error_reply(
    error: ChartsideError,
    scope: Scope | None = None,
    *,
    retry_after_s: int = 2,
    page: ErrorPage | None = None,
) -> Response:
    """The answer to an error: its status, an OperationOutcome, and the headers that go with it.

    A browser that asks for a page gets `page`. Elsewhere a 401 is bare: the caller is told nothing
    but how to sign in.
    """
    status = error.status if 400 <= error.status < 600 else 500
    reply = _page(page, error, scope) or _data(error, status)
    reply.status_code = status
    if status == 401:
        reply.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        reply.headers["Retry-After"] = str(getattr(error, "retry_after_s", retry_after_s))
    if status == 405:
        reply.headers["Allow"] = _allowed(scope)
    if status in (408, 413):
        # The rest of the body is not wanted: without this the client would go on sending it.
        reply.headers["Connection"] = "close"
    return reply


def _allowed(scope: Scope | None) -> str:
    route = route_of(normal(scope["path"])) if scope else ""
    return ALLOWED.get(route, "OPTIONS")


def _page(page: ErrorPage | None, error: ChartsideError, scope: Scope | None) -> Response | None:
    if page is None or scope is None or not wants_page(scope):
        return None
    with suppress(Exception):  # a page that cannot be made must not hide what went wrong
        return page(error, scope["path"], notes_of(scope).request_id)
    return None


def _data(error: ChartsideError, status: int) -> Response:
    return Response() if status == 401 else json_reply(_outcome(error))


def _outcome(error: ChartsideError) -> bytes:
    try:
        return to_json(outcome_of(error))
    except AnswerInvalid:
        return _UNEXPECTED
