"""Probes of the tokens that a service has to refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_hooks.conform.calls import path_of
from cds_hooks.conform.discovery import Offered
from cds_hooks.conform.exchange import Exchange
from cds_hooks.conform.feedback import feedback_path, overridden
from cds_hooks.conform.probe import Judgement, Plan, Probe, Skip, Target
from cds_hooks.conform.shapes import Problem, brief

__all__ = ["AUTH_CHECKS", "authentication"]

AUTH_CHECKS = (
    "auth-required", "auth-garbage", "auth-signature", "auth-expired", "auth-audience",
    "auth-issuer", "auth-none", "auth-symmetric", "auth-good", "auth-replay", "auth-feedback",
    "auth-bare",
)  # fmt: skip

_ELSEWHERE = "https://conform.invalid/cds-services/other"
_REASONS = (b"expired", b"audience", b"signature", b"issuer", b"algorithm", b"replay", b"jti")
_NO_KEY = "no key was given (--key, --issuer)"
_OPEN = "calls without a token are answered"


def authentication(target: Target, service: Offered, body: Mapping[str, Any]) -> Plan:
    """A call without a token, with each wrong token, with a good one, and with that one again."""
    caller, path = target.caller, path_of(service)
    if caller is None:
        yield Skip(service.id, AUTH_CHECKS, _NO_KEY)
        return
    bare = target.with_token(path, "no token", body, "")
    answer = yield _refused(service, bare, "auth-required")
    if answer.status == 200:
        yield Skip(service.id, AUTH_CHECKS[1:], _OPEN)
        return
    aud = target.audience(path)
    wrong = (
        ("auth-garbage", "a token that is no JWT", "conform-no-jwt"),
        ("auth-signature", "a token of another key", caller.of_other_key(aud)),
        ("auth-expired", "an expired token", caller.expired(aud)),
        ("auth-audience", "a token for another host", caller.good(_ELSEWHERE)),
        ("auth-issuer", "a token of an unknown issuer", caller.of_other_issuer(aud)),
        ("auth-none", "a token with alg none", caller.unsigned(aud)),
        ("auth-symmetric", "a token with alg HS256", caller.symmetric(aud)),
    )
    for check, about, token in wrong:
        yield _refused(service, target.with_token(path, about, body, token), check)
    yield from _once(target, service, body)
    call = target.with_token(feedback_path(service), "feedback without a token",
                             overridden(target, {"uuid": target.new_id()}), "")  # fmt: skip
    yield _refused(service, call, "auth-feedback", also=(404, 405, 501))


def _once(target: Target, service: Offered, body: Mapping[str, Any]) -> Plan:
    """A good token, and the same again."""
    path = path_of(service)
    call = target.post(path, "a good token", body)
    answer = yield Probe(service.id, call, (Judgement(("auth-good",), _good),))
    if answer.status != 200:
        yield Skip(service.id, ("auth-replay",), "the good token was not accepted")
        return
    token = call.headers["authorization"].removeprefix("Bearer ")
    again = target.with_token(path, "the same token again", body, token)
    yield _refused(service, again, "auth-replay")


def _good(exchange: Exchange) -> Iterable[Problem]:
    if exchange.status != 200:
        yield Problem("auth-good", exchange.came)


def _refused(service: Offered, call: Any, check: str, *, also: tuple[int, ...] = ()) -> Probe:
    def judge(exchange: Exchange) -> Iterable[Problem]:
        if exchange.status != 401 and exchange.status not in also:
            yield Problem(check, exchange.came)

    bare = Judgement(("auth-bare",), _bare, lambda e: "" if e.status == 401 else "it was no 401")
    return Probe(service.id, call, (Judgement((check,), judge), bare))


def _bare(exchange: Exchange) -> Iterable[Problem]:
    body = exchange.answer.body.lower() if exchange.answer else b""
    told = [reason.decode() for reason in _REASONS if reason in body]
    if told:
        yield Problem("auth-bare", brief(", ".join(told)), exchange.call.about)
