"""What happens at each path: read, call the handler, check, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.app.config import AppConfig
from cds_hooks.app.errors import AnswerLate, ClientGone, ServiceUnknown
from cds_hooks.app.handlers import AppHandlers, RequestInfo
from cds_hooks.app.middleware.fixed_headers import WITH_A_FORM
from cds_hooks.app.notes import notes_of
from cds_hooks.app.prefer import wait_of
from cds_hooks.app.replies import json_reply, plain_reply
from cds_hooks.protocol.feedback import parse_feedback
from cds_hooks.protocol.judgements import parse_form
from cds_hooks.protocol.outcome import outcome_of_problems
from cds_hooks.protocol.request import HookRequest, parse_request
from cds_hooks.protocol.sameness import digest_of
from cds_hooks.protocol.wire import to_json
from cds_hooks.services import ServiceDefinition, discovery_of, find

__all__ = ["Endpoints"]

T = TypeVar("T")


class Endpoints:
    """One method a path. Discovery is made and checked once, at construction."""

    def __init__(self, handlers: AppHandlers, config: AppConfig) -> None:
        self._handlers = handlers
        self._config = config
        self._discovery = to_json(discovery_of(handlers.services))

    async def discovery(self, request: Request) -> Response:  # noqa: ARG002 - the route's signature
        """`GET /cds-services`."""
        return json_reply(self._discovery)

    async def service(self, request: Request) -> Response:
        """`POST /cds-services/{id}`: cards, or an error that says what to do."""
        definition = self._find(request)
        # A card is for a reader, who does not wait; what only starts work may be waited for.
        wait_s = wait_of(request.headers.getlist("prefer")) if definition.only_starts else 0.0
        # No name is given to what was read: it may be large, and is let go with the work.
        answer = self._handlers.answer(
            definition, *self._read(definition, await _body(request), _info(request, wait_s))
        )
        return json_reply(to_json(await self._in_time(answer, wait_s)))

    async def feedback(self, request: Request) -> Response:
        """`POST /cds-services/{id}/feedback`: what was taken, and what could not be."""
        definition = self._find(request)
        feedback = parse_feedback(await _body(request), self._config.limits)
        if feedback.entries:
            record = self._handlers.record_feedback
            await self._in_time(record(definition.id, feedback.entries, _info(request)))
        return json_reply(to_json(outcome_of_problems(len(feedback.entries), feedback.problems)))

    async def healthz(self, request: Request) -> Response:  # noqa: ARG002
        """Alive: the process answers."""
        return plain_reply({"status": "ok"})

    async def readyz(self, request: Request) -> Response:  # noqa: ARG002
        """Ready to answer calls; 503 with what is missing until then."""
        now = self._handlers.ready()
        document = {"status": "ready" if now.ready else "not-ready", "checks": dict(now.checks)}
        reply = plain_reply(document, 200 if now.ready else 503)
        if not now.ready:
            reply.headers["Retry-After"] = str(self._config.retry_after_s)
        return reply

    async def version(self, request: Request) -> Response:  # noqa: ARG002
        """What runs here."""
        return plain_reply(dict(self._handlers.version))

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002
        """Prometheus text."""
        body, content_type = self._handlers.metrics()
        return Response(body, headers={"Content-Type": content_type})

    async def basis(self, request: Request) -> Response:  # noqa: ARG002
        """The page that tells on what the answers rest."""
        return HTMLResponse(self._handlers.basis())

    async def consultation(self, request: Request) -> Response:
        """The page of one consultation, for whoever has its link."""
        page = self._handlers.consultation(request.path_params["link"])
        return HTMLResponse(
            await self._in_time(page), headers={"Content-Security-Policy": WITH_A_FORM}
        )

    async def judgements(self, request: Request) -> Response:
        """`POST /consultations/{link}/feedback`: its form; then the page again."""
        link = request.path_params["link"]
        said, words = parse_form(await _body(request), self._handlers.reasons)
        await self._in_time(self._handlers.judge(link, said, words, _info(request)))
        return RedirectResponse(f"../{link}", 303)

    def _read(
        self, definition: ServiceDefinition, body: bytes, info: RequestInfo
    ) -> tuple[HookRequest, RequestInfo]:
        """The request in a body; one that was read before is not read again."""
        # What one client sent is not recalled for another: they may read different servers.
        told = f"{info.caller.client}/{definition.id}"
        info = replace(info, digest=digest_of(told, body))
        known = self._handlers.known(info.digest) if info.digest else None
        return known or parse_request(body, definition.on, self._config.limits), info

    def _find(self, request: Request) -> ServiceDefinition:
        definition = find(request.path_params["service_id"], self._handlers.services)
        if definition is None:
            raise ServiceUnknown
        notes_of(request.scope).service = definition.id
        return definition

    async def _in_time(self, work: Awaitable[T], wait_s: float = 0.0) -> T:
        try:
            async with asyncio.timeout(self._config.answer_at_most_s + wait_s) as bound:
                return await work
        except TimeoutError:
            if bound.expired():
                raise AnswerLate from None
            raise


async def _body(request: Request) -> bytes:
    try:
        return b"".join([piece async for piece in request.stream()])
    except ClientDisconnect:
        raise ClientGone from None


def _info(request: Request, wait_s: float = 0.0) -> RequestInfo:
    notes = notes_of(request.scope)
    return RequestInfo(notes.request_id, notes.received, wait_s, caller=notes.caller)
