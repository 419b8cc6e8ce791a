"""Probes of the feedback endpoint, which a service may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_hooks.conform.calls import path_of
from cds_hooks.conform.discovery import Offered
from cds_hooks.conform.exchange import Exchange
from cds_hooks.conform.probe import Judgement, Plan, Probe, Skip, Target, refused
from cds_hooks.conform.shapes import Problem, is_text

__all__ = ["FEEDBACK_CHECKS", "feedback", "feedback_path", "overridden"]

FEEDBACK_CHECKS = ("feedback-answers", "feedback-unknown-card", "feedback-malformed")

_NOT_OFFERED = (404, 405, 501)


def feedback_path(service: Offered) -> str:
    """Where feedback on a service's cards goes."""
    return f"{path_of(service)}/feedback"


def feedback(target: Target, service: Offered, shown: Exchange) -> Plan:
    """Feedback on a card of the response `shown`, on an unknown card, and a broken body."""
    cards = [c for c in shown.document["cards"] if isinstance(c, dict) and is_text(c.get("uuid"))]
    if not cards:
        yield Skip(service.id, FEEDBACK_CHECKS, "no card with a uuid was shown")
        return
    path = feedback_path(service)
    known = target.post(path, "feedback on a card just shown", overridden(target, cards[0]))
    answer = yield Probe(service.id, known, (Judgement(FEEDBACK_CHECKS[:1], _taken, _offers),))
    if answer.status in _NOT_OFFERED:
        yield Skip(service.id, FEEDBACK_CHECKS[1:], "the service takes no feedback, which it may")
        return
    other = overridden(target, {"uuid": target.new_id()})
    unknown = target.post(path, "feedback on an unknown card", other)
    yield Probe(service.id, unknown, (Judgement(FEEDBACK_CHECKS[1:2], _no_failure),))
    broken = target.post(path, "feedback that is no JSON", b'{"feedback": [')
    checks = ("feedback-malformed", "error-not-5xx")
    judged = Judgement(checks, lambda e: refused(e, "feedback-malformed"))
    yield Probe(service.id, broken, (judged,))


def overridden(target: Target, card: Mapping[str, Any]) -> dict[str, Any]:
    """Feedback that a card was overridden, with its first reason if it offers any."""
    entry: dict[str, Any] = {
        "card": card["uuid"],
        "outcome": "overridden",
        "outcomeTimestamp": target.now().isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    reasons = card.get("overrideReasons")
    if isinstance(reasons, list) and reasons and isinstance(reasons[0], dict):
        reason = {name: reasons[0][name] for name in ("code", "system") if name in reasons[0]}
        entry["overrideReason"] = {"reason": reason}
    return {"feedback": [entry]}


def _offers(exchange: Exchange) -> str:
    offered = exchange.status not in _NOT_OFFERED
    return "" if offered else "the service takes no feedback, which it may"


def _taken(exchange: Exchange) -> Iterable[Problem]:
    if not 200 <= exchange.status < 300:
        yield Problem("feedback-answers", exchange.came)


def _no_failure(exchange: Exchange) -> Iterable[Problem]:
    if not 200 <= exchange.status < 500:
        yield Problem("feedback-unknown-card", exchange.came)
