"""Everything that is asked of a service, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

from cds_hooks.conform.authentication import AUTH_CHECKS, authentication
from cds_hooks.conform.calls import MALFORMED_CHECKS, malformed, path_of, whole
from cds_hooks.conform.cors import cors
from cds_hooks.conform.discovery import (
    DOCUMENT_CHECKS,
    ENTRY_CHECKS,
    Offered,
    answer_problems,
    document_problems,
    entry_problems,
    offered,
    unless_services,
)
from cds_hooks.conform.exchange import Exchange
from cds_hooks.conform.feedback import FEEDBACK_CHECKS, feedback
from cds_hooks.conform.hooks import HOOKS, request_for
from cds_hooks.conform.prefetch import PREFETCH_CHECKS, TOLERANCE_CHECKS, prefetch_states
from cds_hooks.conform.probe import (
    ENDPOINTS,
    Judgement,
    Plan,
    Probe,
    Skip,
    Target,
    if_ok,
    refused,
)
from cds_hooks.conform.shapes import Problem

__all__ = ["plan"]

_Answered = Generator[Probe | Skip, Exchange, bool]

_LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_NEED_ANSWER = (*PREFETCH_CHECKS, *TOLERANCE_CHECKS, *FEEDBACK_CHECKS)


def plan(target: Target, only: Sequence[str] = ()) -> Plan:
    """Discovery, cross-origin calls, and each service; `only` names services if not all."""
    call = target.get(ENDPOINTS, "discovery")
    found = yield Probe("", call, (*_discovery_judgements(), _https(target)))
    services = [s for s in offered(found.document) if not only or s.id in only]
    yield from cors(target, services)
    if services:
        yield from _elsewhere(target, services[0])
    authenticated = False
    for service in services:
        if service.hook not in HOOKS:
            yield Skip(service.id, ("call-answers",), "the hook is not in the CDS Hooks library")
            continue
        # Tokens are tried at one service: the same code decides for all.
        authenticated = (yield from _service(target, service, authenticated)) or authenticated


def _service(target: Target, service: Offered, authenticated: bool) -> _Answered:
    body = request_for(service.hook, service.prefetch, instance=target.new_id(), now=target.now())
    shown = yield whole(target, service, body)
    if shown.status in (401, 403):
        reason = "the service wants a token that it accepts (--key, --issuer, --audience)"
        yield Skip(service.id, (*MALFORMED_CHECKS, *_NEED_ANSWER, *AUTH_CHECKS), reason)
        return False
    yield from malformed(target, service, body)
    if shown.status != 200 or not _has_cards(shown):
        yield Skip(service.id, _NEED_ANSWER, "a whole request was not answered with cards")
        return False
    yield from prefetch_states(target, service, body)
    yield from feedback(target, service, shown)
    if not authenticated:
        yield from authentication(target, service, body)
    return True


def _has_cards(shown: Exchange) -> bool:
    document = shown.document
    return isinstance(document, dict) and isinstance(document.get("cards"), list)


def _elsewhere(target: Target, first: Offered) -> Plan:
    """An id that nobody lists; and GET where a service is called."""
    nowhere = replace(first, id="conform-no-such-service")
    hook = first.hook if first.hook in HOOKS else "patient-view"
    body = request_for(hook, first.prefetch, instance=target.new_id(), now=target.now())
    call = target.post(
        path_of(nowhere), "a service that is not listed", {**body, "hook": first.hook}
    )
    yield Probe("", call, (Judgement(("call-unknown-service", "error-not-5xx"), _not_found),))
    get = target.get(path_of(first), "GET at a service")
    method = Judgement(("call-method", "error-not-5xx"), lambda e: refused(e, "call-method"))
    yield Probe("", get, (method,))


def _not_found(exchange: Exchange) -> Iterable[Problem]:
    return refused(exchange, "call-unknown-service")


def _discovery_judgements() -> tuple[Judgement, ...]:
    return (
        Judgement(("discovery-answers",), answer_problems),
        Judgement(DOCUMENT_CHECKS, document_problems, if_ok),
        Judgement(ENTRY_CHECKS, entry_problems, unless_services),
    )


def _https(target: Target) -> Judgement:
    def judge(_: Exchange) -> Iterable[Problem]:
        if not target.base.startswith(("https://", *_LOCAL)):
            yield Problem("transport-https", "http")

    return Judgement(("transport-https",), judge)
