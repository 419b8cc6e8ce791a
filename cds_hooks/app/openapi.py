"""The OpenAPI document, made of the very schemas that answers are checked against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_hooks.protocol.validation import SchemaName, schema

__all__ = ["components", "describe"]

_NAMES: tuple[SchemaName, ...] = (
    "discovery",
    "feedback",
    "hook-request",
    "operation-outcome",
    "response",
)


def _json(name: SchemaName) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _answers(ok: dict[str, Any], *statuses: int) -> dict[str, Any]:
    refused = {"description": "An OperationOutcome", "content": _json("operation-outcome")}
    bare = {"401": {"description": "No caller that this site knows; the body is empty"}}
    return {"200": ok, **bare, **{str(status): refused for status in statuses}}


_CALL = (400, 403, 404, 408, 412, 413, 415, 429, 500, 503)


def _page(description: str, *media_types: str) -> dict[str, Any]:
    content: dict[str, Any] = {media_type: {"schema": {}} for media_type in media_types}
    return {"responses": {"200": {"description": description, "content": content}}}


_READY = _page("Ready", "application/json")
_READY["responses"]["503"] = _page("Not ready", "application/json")["responses"]["200"]


_SHAPE = {"type": "string", "pattern": r"^[0-9a-f-]{36}\.[0-9]{1,12}\.[0-9a-f]{64}$"}
_LINK = {"name": "link", "in": "path", "required": True, "schema": _SHAPE}
_CONSULTATION = {
    "parameters": [_LINK],
    "responses": {
        **_page("One consultation", "text/html")["responses"],
        "404": {"description": "An OperationOutcome", "content": _json("operation-outcome")},
        "503": {"description": "An OperationOutcome", "content": _json("operation-outcome")},
    },
}

_SAID = {
    "type": "object",
    "description": "`said-1` to `said-32` and `why-1` to `why-32`, by the diagnosis's place.",
    "properties": {"said-1": {"enum": ["useful", "wrong"]}, "words": {"type": "string"}},
    "required": ["said-1"],
}
_FORM = {"application/x-www-form-urlencoded": {"schema": _SAID}}
_JUDGEMENTS = {
    "parameters": [_LINK],
    "requestBody": {"required": True, "content": _FORM},
    "responses": {
        "303": {"description": "Kept; the page of the consultation shows it"},
        **{
            str(status): {
                "description": "An OperationOutcome",
                "content": _json("operation-outcome"),
            }
            for status in (400, 404, 408, 413, 415, 429, 503)
        },
    },
}


def _call(ids: Sequence[str], body: SchemaName, says: str, answer: SchemaName) -> dict[str, Any]:
    which = {"type": "string", "enum": list(ids)}
    ok = {"description": says, "content": _json(answer)}
    return {
        "parameters": [{"name": "service_id", "in": "path", "required": True, "schema": which}],
        "requestBody": {"required": True, "content": _json(body)},
        "responses": _answers(ok, *_CALL),
    }


def describe(ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Each endpoint's part of the document, by the endpoint's name, for services of these ids."""
    found = {"description": "The services", "content": _json("discovery")}
    return {
        "discovery": {"responses": _answers(found, 403, 429, 503)},
        "service": _call(ids, "hook-request", "Cards", "response"),
        "feedback": _call(ids, "feedback", "What was taken", "operation-outcome"),
        "healthz": _page("Alive", "application/json"),
        "readyz": _READY,
        "version": _page("What runs here", "application/json"),
        "metrics": _page("Prometheus text", "text/plain"),
        "basis": _page("On what the answers rest", "text/html"),
        "consultation": _CONSULTATION,
        "judgements": _JUDGEMENTS,
    }


def components() -> dict[str, Any]:
    """All schemas under `components/schemas`, their definitions beside them (`name.definition`)."""
    found: dict[str, Any] = {}
    for name in _NAMES:
        document = dict(schema(name))
        definitions = document.pop("$defs", {})
        for key in ("$schema", "$id"):
            document.pop(key)
        found[name] = _moved(document, name)
        for key, definition in definitions.items():
            found[f"{name}.{key}"] = _moved(definition, name)
    return found


def _moved(value: Any, name: str) -> Any:
    """A copy whose references to `#/$defs/x` go to where the definitions are now."""
    if isinstance(value, dict):
        return {key: _moved(member, name) for key, member in value.items()}
    if isinstance(value, list):
        return [_moved(item, name) for item in value]
    if isinstance(value, str) and value.startswith("#/$defs/"):
        return value.replace("#/$defs/", f"#/components/schemas/{name}.")
    return value
