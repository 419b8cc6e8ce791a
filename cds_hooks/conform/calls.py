"""Probes of one service: a whole request, and requests that are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_hooks.conform.cards import CARD_CHECKS, response_problems
from cds_hooks.conform.discovery import Offered, json_problems
from cds_hooks.conform.exchange import Call, Exchange
from cds_hooks.conform.probe import ENDPOINTS, Judgement, Plan, Probe, Target, if_ok, refused
from cds_hooks.conform.shapes import Problem, null_or_empty

__all__ = ["CANARY", "MALFORMED_CHECKS", "malformed", "path_of", "response_judgements", "whole"]

CANARY = "conform-canary-4b7d1c"
"""A value that nothing but an error's echo of the request can bring back."""

MALFORMED_CHECKS = (
    "malformed-json", "malformed-shape", "missing-field", "missing-context-field", "wrong-type",
    "call-wrong-hook", "call-content-type", "authorization-without-server", "error-not-5xx",
    "error-echo",
)  # fmt: skip


def path_of(service: Offered) -> str:
    """Where a service is called."""
    return f"{ENDPOINTS}/{service.id}"


def whole(target: Target, service: Offered, body: Mapping[str, Any]) -> Probe:
    """A request with everything that discovery asks for."""
    call = target.post(path_of(service), "a whole request", body)
    answers = Judgement(("call-answers",), lambda e: _status(e, "call-answers", 200))
    timed = Judgement(("call-time",), lambda e: _in_time(e, target.within_s), if_ok)
    return Probe(service.id, call, (answers, timed, *response_judgements()))


def response_judgements() -> tuple[Judgement, ...]:
    """What every 200 of a service has to be."""
    return (
        Judgement(("call-json",), lambda e: json_problems(e, "call-json"), if_ok),
        Judgement(("call-cards",), _cards, if_ok),
        Judgement(("call-no-null-or-empty",), _nothing_empty, if_ok),
        Judgement(("system-actions",), lambda e: _problems(e), _unless_object),
        Judgement(CARD_CHECKS, lambda e: _problems(e), _unless_cards),
    )


def malformed(target: Target, service: Offered, body: Mapping[str, Any]) -> Plan:
    """Requests that no client should send, and that some will."""
    for call, check in _malformed(target, service, body):
        yield Probe(service.id, call, _refusal(check))


def _malformed(
    target: Target, service: Offered, body: Mapping[str, Any]
) -> Iterable[tuple[Call, str]]:
    path = path_of(service)
    told = {**body, "context": {**body["context"], "patientId": CANARY}}
    yield target.post(path, "a body cut off", f'{{"hook": "{CANARY}", "cont'.encode()), \
        "malformed-json"  # fmt: skip
    yield target.post(path, "a JSON array", [CANARY]), "malformed-shape"
    yield target.post(path, "no body", b""), "malformed-shape"
    for name in ("hook", "hookInstance", "context"):
        yield target.post(path, f"no {name}", _without(told, name)), "missing-field"
    context = _without(body["context"], "patientId")
    yield target.post(path, "no context.patientId", {**told, "context": context}), \
        "missing-context-field"  # fmt: skip
    yield target.post(path, "a text as context", {**told, "context": CANARY}), "wrong-type"
    yield target.post(path, "another hook", {**told, "hook": "conform-no-such-hook"}), \
        "call-wrong-hook"  # fmt: skip
    yield target.post(path, "fhirAuthorization without fhirServer", _authorized(body)), \
        "authorization-without-server"  # fmt: skip
    plain = target.post(path, "text/plain", body)
    headers = {**plain.headers, "content-type": "text/plain"}
    yield Call("POST", path, "text/plain", headers, plain.body), "call-content-type"


def _authorized(body: Mapping[str, Any]) -> dict[str, Any]:
    authorization = {
        "access_token": CANARY, "token_type": "Bearer", "expires_in": 60,
        "scope": "patient/*.read", "subject": "conform",
    }  # fmt: skip
    return {**body, "fhirAuthorization": authorization}


def _without(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def _refusal(check: str) -> tuple[Judgement, ...]:
    return (
        Judgement((check, "error-not-5xx"), lambda e: refused(e, check)),
        Judgement(("error-echo",), _echo, lambda e: "" if e.status >= 400 else "it was no error"),
    )


def _echo(exchange: Exchange) -> Iterable[Problem]:
    if exchange.answer is not None and CANARY.encode() in exchange.answer.body:
        yield Problem("error-echo", "a value of the request", exchange.call.about)


def _status(exchange: Exchange, check: str, *wanted: int) -> Iterable[Problem]:
    if exchange.status not in wanted:
        yield Problem(check, exchange.came, exchange.call.about)


def _in_time(exchange: Exchange, within_s: float) -> Iterable[Problem]:
    if exchange.answer is not None and exchange.answer.seconds > within_s:
        yield Problem("call-time", f"{exchange.answer.seconds:.1f} s")


def _cards(exchange: Exchange) -> Iterable[Problem]:
    document = exchange.document
    if not isinstance(document, dict) or not isinstance(document.get("cards"), list):
        yield Problem("call-cards", "no array `cards`")


def _nothing_empty(exchange: Exchange) -> Iterable[Problem]:
    for path in null_or_empty(exchange.document):
        yield Problem("call-no-null-or-empty", "null or empty", path)


def _problems(exchange: Exchange) -> Iterable[Problem]:
    return response_problems(exchange.document)


def _unless_object(exchange: Exchange) -> str:
    if reason := if_ok(exchange):
        return reason
    return "" if isinstance(exchange.document, dict) else "the answer is no JSON object"


def _unless_cards(exchange: Exchange) -> str:
    if reason := _unless_object(exchange):
        return reason
    cards = exchange.document.get("cards")
    return "" if isinstance(cards, list) and cards else "no card was shown"
