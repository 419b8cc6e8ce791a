"""CDS Hooks: discovery, services and feedback."""

from __future__ import annotations

from dataclasses import replace

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.app.errors import ServiceUnknown
from cds_hooks.app.handlers import RequestInfo
from cds_hooks.app.notes import notes_of
from cds_hooks.app.openapi import CALL_REFUSALS, body_of, json_of, refusals
from cds_hooks.app.prefer import wait_of
from cds_hooks.app.replies import json_reply
from cds_hooks.app.state import AppState, read_body, request_info, state_of
from cds_hooks.protocol.cards import Response as Cards
from cds_hooks.protocol.feedback import parse_feedback
from cds_hooks.protocol.json_output import to_json
from cds_hooks.protocol.operation_outcome import outcome_of_problems
from cds_hooks.protocol.request import LONGEST_INSTANCE, HookRequest, parse_request
from cds_hooks.protocol.request_digest import digest_and_instance
from cds_hooks.services import ServiceDefinition, find
from cds_hooks.services.switched_off import ANSWER_HEADER, ServiceSwitchedOff

__all__ = ["router"]

router = APIRouter(tags=["CDS Hooks"], prefix="/cds-services", default_response_class=Response)


@router.get("", responses=refusals(403, 429, 503) | {200: json_of("discovery", "The services")})
async def discovery(request: Request) -> Response:
    """What this site offers, and what each service asks for in prefetch."""
    return json_reply(state_of(request).published.document())


@router.post(
    "/{service_id}",
    responses=refusals(*CALL_REFUSALS) | {200: json_of("response", "Cards")},
    openapi_extra=body_of("hook-request"),
)
async def service(service_id: str, request: Request) -> Response:
    """Cards for one hook, or an error that says what to do."""
    state = state_of(request)
    definition = _definition(state, service_id, request)
    # A card is for a reader, who does not wait; what only starts work may be waited for.
    wait_s = wait_of(request.headers.getlist("prefer")) if definition.only_starts else 0.0
    info = request_info(request, wait_s)
    # No name is given to what was read: it may be large, and is let go with the work.
    answer = state.handlers.answer(
        definition, *_read(state, definition, await read_body(request), info)
    )
    try:
        return json_reply(to_json(await state.in_time(answer, wait_s)))
    except ServiceSwitchedOff as off:
        return _switched_off(off, request)


@router.post(
    "/{service_id}/feedback",
    responses=refusals(*CALL_REFUSALS) | {200: json_of("operation-outcome", "What was taken")},
    openapi_extra=body_of("feedback"),
)
async def feedback(service_id: str, request: Request) -> Response:
    """Record what became of cards; the answer says what was taken and what could not be."""
    state = state_of(request)
    definition = _definition(state, service_id, request)
    found = parse_feedback(await read_body(request), state.config.limits)
    if found.entries:
        record = state.handlers.record_feedback
        await state.in_time(record(definition.id, found.entries, request_info(request)))
    return json_reply(to_json(outcome_of_problems(len(found.entries), found.problems)))


def _switched_off(off: ServiceSwitchedOff, request: Request) -> Response:
    """An answer without cards; why is in the ledger, that it is so in a header."""
    notes_of(request.scope).code = off.code
    reply = json_reply(to_json(Cards()))
    reply.headers[ANSWER_HEADER] = off.code
    return reply


def _definition(state: AppState, service_id: str, request: Request) -> ServiceDefinition:
    definition = find(service_id, state.handlers.services)
    if definition is None:
        raise ServiceUnknown
    notes_of(request.scope).service = definition.id
    return definition


def _read(
    state: AppState, definition: ServiceDefinition, body: bytes, info: RequestInfo
) -> tuple[HookRequest, RequestInfo]:
    """The request in a body; one that was read before is not read again."""
    # What one client or tenant sent is not recalled for another: they may read different servers,
    # and the same id may be another patient there.
    told = orjson.dumps([info.caller.client, info.caller.tenant, definition.id])
    digest, instance = digest_and_instance(told, body)
    info = replace(info, digest=digest)
    known = state.handlers.known(digest) if digest else None
    if known is None or len(instance) > LONGEST_INSTANCE:
        return parse_request(body, definition.on, state.config.limits), info
    # The call is recorded as the one that it is, not as the one whose body was the same.
    return replace(known, hook_instance=instance or known.hook_instance), info
