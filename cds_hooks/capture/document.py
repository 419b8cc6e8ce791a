"""An exchange as the document of its file: without tokens, and redacted unless asked otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from cds_hooks.capture.exchange import CallKind, Exchange
from cds_hooks.cds_client.captured import FORMAT, VERSION
from cds_hooks.redaction import redact

__all__ = ["document_of"]

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TOPIC = re.compile(r"chartside[A-Za-z]{1,60}")
_OUTCOMES = ("accepted", "overridden", "judged")
_INDICATORS = ("info", "warning", "critical")
_SECRET = ("fhirAuthorization", "access_token", "appContext")
_LINK = re.compile(r"(/consultations/)[^/?#]+")

Json = Mapping[str, Any]


def document_of(
    exchange: Exchange,
    *,
    redacted: bool,
    served_by: Mapping[str, str],
    is_term: Callable[[str], bool],
) -> dict[str, Any]:
    """The document of an exchange's file. Raises ValueError for a body that is no JSON object.

    Redacted, a response keeps its shape alone: a card repeats the chart in words.
    """
    asked: Json | None = _object(exchange.request)
    answered: Json | None = _object(exchange.response)
    if exchange.kind is CallKind.HOOK and asked is None:
        raise ValueError("the body of the call is no JSON object")
    when = exchange.when
    told: dict[str, Any] = {}
    if redacted:
        asked, answered, when, told = _redacted(exchange, asked, answered, is_term)
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": exchange.kind.value,
        "service": exchange.service,
        "captured": when.isoformat(timespec="seconds"),
        "redacted": redacted,
        **({"redaction": told} if told else {}),
        "served_by": dict(served_by),
        "status": exchange.status,
        "duration_ms": round(exchange.duration_ms, 1),
        "request": _without_secrets(asked),
        "response": _without_secrets(answered),
    }


def _object(body: bytes | None) -> dict[str, Any] | None:
    try:
        found = orjson.loads(body) if body else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _redacted(
    exchange: Exchange, asked: Json | None, answered: Json | None, is_term: Callable[[str], bool]
) -> tuple[Json | None, Json | None, datetime, dict[str, Any]]:
    if exchange.kind is CallKind.HOOK:
        found = redact(asked or {}, now=exchange.when, is_term=is_term)
        return found.request, _shape(answered), found.now, found.told()
    moved = redact({}, now=exchange.when).now
    if exchange.kind is CallKind.FEEDBACK:
        return _feedback_shape(asked), None, moved, {}
    return None, answered, moved, {}


def _shape(response: Json | None) -> Json | None:
    """How many cards there were, of which kind; nothing that they say."""
    if response is None:
        return None
    return {"cards": [_card_shape(each) for each in _objects(response.get("cards"))]}


def _card_shape(card: Json) -> Json:
    source = card.get("source")
    topic = source.get("topic") if isinstance(source, dict) else None
    code = topic.get("code") if isinstance(topic, dict) else None
    return {
        **_if(_UUID, "uuid", card.get("uuid")),
        "indicator": card["indicator"] if card.get("indicator") in _INDICATORS else "",
        "source": {"topic": _if(_TOPIC, "code", code)},
        "suggestions": [{} for _ in _objects(card.get("suggestions"))],
    }


def _feedback_shape(feedback: Json | None) -> Json:
    entries = _objects((feedback or {}).get("feedback"))
    told = ({**_if(_UUID, "card", each.get("card")),
             "outcome": each["outcome"] if each.get("outcome") in _OUTCOMES else ""}
            for each in entries)  # fmt: skip
    return {"feedback": list(told)}


def _if(pattern: re.Pattern[str], name: str, value: Any) -> dict[str, str]:
    return {name: value} if isinstance(value, str) and pattern.fullmatch(value) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _without_secrets(value: Any) -> Any:
    """The same without tokens, wherever they are: of a FHIR server, of a card's link."""
    if isinstance(value, dict):
        return {k: _without_secrets(v) for k, v in value.items() if k not in _SECRET}
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    return _LINK.sub(r"\1withheld", value) if isinstance(value, str) else value
